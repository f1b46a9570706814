"""The command group, the options that several commands share, progress bars and the table of metrics."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from trainer import __version__
from trainer.runtime.errors import ChoiceError, TrainerError
from trainer.runtime.progress import Progress, Report


def plain_console(width: int | None = None, *, stderr: bool = False) -> Console:
    """Return a terminal that shows names as they are: neither `[/red]` nor `:glasses:` means anything."""
    return Console(width=width, stderr=stderr, markup=False, emoji=False)


Folder = click.Path(path_type=Path, file_okay=False)
DEFAULT_CACHE = Path("~/.cache/facelabel")
SHARED = ("evaluate", "fit", "predict", "predict-images", "report", "round")
"""Commands that several processes can run together; the first process writes. A round is shared if its engine is cnn."""

REPORT_SECONDS = 0.25
"""The shortest time between two lines of progress of the same stage."""


class _Commands(click.Group):
    """Prints an error that the person can act on as three lines, and sets the exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except TrainerError as error:
            for line in (error.what, error.kept, error.do):
                click.echo(line, err=True)
            context.exit(2 if isinstance(error, ChoiceError) else 1)
        except ModuleNotFoundError as error:
            click.echo(f"Training needs the package {error.name!r}, which is not installed.", err=True)
            click.echo("Nothing was changed.", err=True)
            click.echo("Run `pip install 'facelabel[train]'`.", err=True)
            context.exit(1)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; torchrun may start only those whose work is shared, because others would write one folder at once."""
        name, command, rest = super().resolve_command(context, arguments)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and name not in SHARED:
            raise ChoiceError(
                f"The command {name} works in one process, but torchrun started several.",
                "Nothing was changed.",
                f"Run it without torchrun. These commands share their work: {', '.join(SHARED)}.",
            )
        return name, command, rest


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="trainer")
def main() -> None:
    """Train on a snapshot, measure models, and predict unlabelled cells."""


as_json = click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
snapshot_argument = click.argument("snapshot", type=Folder)
model_argument = click.argument("model", type=Folder)
to_option = click.option("--to", type=Folder, required=True, help="Folder to write.")
images_option = click.option("--images", type=Folder, help="Folder of the image files, if they were moved.")
strategy_option = click.option(
    "--strategy", default="balanced", show_default=True, help="Query strategy: see the command models."
)
seed_option = click.option("--seed", default=0, show_default=True, help="Seed of all random draws.")
cache_option = click.option(
    "--cache",
    type=Folder,
    default=DEFAULT_CACHE,
    show_default=True,
    envvar="FACELABEL_CACHE",
    help="Folder for cached features.",
)


@contextmanager
def bars_on_stderr() -> Iterator[Report]:
    """Show one progress bar per stage on stderr, if stderr is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=plain_console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        tasks = {}

        def report(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(progress.stage)
            bars.update(
                tasks[progress.stage],
                description=progress.message,
                completed=progress.done,
                total=progress.total,
            )

        yield report


@contextmanager
def progress_into(file: Path) -> Iterator[Report]:
    """Append the progress of process 0 and the error of any process to a file as lines of JSON, for the program that follows."""
    from trainer.runtime.distributed import rank  # noqa: PLC0415

    def write(line: dict[str, Any]) -> None:
        with file.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    last = ("", 0.0)

    def report(progress: Progress) -> None:
        nonlocal last
        moment = time.monotonic()
        if rank() == 0 and (progress.stage != last[0] or moment - last[1] >= REPORT_SECONDS):
            write(asdict(progress))
            last = (progress.stage, moment)

    try:
        yield report
    except TrainerError as error:
        write({"what": error.what, "kept": error.kept, "do": error.do})
        raise


def print_metrics(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print `metrics` as a table and the paths of the model and the predictions, or everything as JSON."""
    if as_json:
        click.echo(json.dumps(answer, sort_keys=True, ensure_ascii=False))
        return
    table = Table(
        "attribute", "split", "images", "groups", "accuracy", "balanced accuracy", "recall by code", "ece"
    )
    for attribute, splits in answer["metrics"].items():
        for split, metrics in splits.items():
            recall = " ".join(f"{code}:{value:.2f}" for code, value in metrics["recall"].items())
            accuracies = [_rounded(metrics[key]) for key in ("accuracy", "balanced_accuracy")]
            counts = [str(metrics[key]) for key in ("images", "groups")]
            table.add_row(attribute, split, *counts, *accuracies, recall, _rounded(metrics["ece"]))
    plain_console().print(table)
    for key in ("model", "predictions"):
        if key in answer:
            click.echo(f"{key}: {answer[key]}")


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
