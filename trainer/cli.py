"""The command `python -m trainer`, also `facelabel trainer`.

Results go to stdout, as JSON with `--json`; progress and errors go to stderr. Exit codes: 0 done, 1 failed, 2 wrong
use. Torch is imported by the commands that need it, so that `--help` is there at once.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from trainer import __version__
from trainer.errors import ChoiceError, TrainerError
from trainer.progress import Progress, Report

Folder = click.Path(path_type=Path, file_okay=False)
DEFAULT_CACHE = Path("~/.cache/facelabel")


class _Commands(click.Group):
    """Turns an error that the person can act on into three lines and an exit code."""

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
            click.echo("Call `pip install 'facelabel[train]'`.", err=True)
            context.exit(1)


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="trainer")
def main() -> None:
    """Train on a snapshot, measure, and predict what is not labelled."""


as_json = click.option("--json", "as_json", is_flag=True, help="Print machine-readable output.")
snapshot_argument = click.argument("snapshot", type=Folder)
model_argument = click.argument("model", type=Folder)
to_option = click.option("--to", type=Folder, required=True, help="The folder to write.")
images_option = click.option("--images", type=Folder, help="Where the image files are, if they were moved.")
strategy_option = click.option(
    "--strategy", default="margin", show_default=True, help="The acquisition rule."
)
seed_option = click.option("--seed", default=0, show_default=True, help="Of everything that is drawn.")
cache_option = click.option(
    "--cache",
    type=Folder,
    default=DEFAULT_CACHE,
    show_default=True,
    envvar="FACELABEL_CACHE",
    help="Where features are kept.",
)


@main.command("round")
@snapshot_argument
@to_option
@click.option("--engine", default="probe", show_default=True, help="How to train: see the command models.")
@strategy_option
@cache_option
@images_option
@seed_option
@as_json
def round_command(
    snapshot: Path,
    to: Path,
    engine: str,
    strategy: str,
    cache: Path,
    images: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train on SNAPSHOT and write a model and predictions. Run again after an interruption, it goes on."""
    from trainer.round import run_round  # noqa: PLC0415

    with _bars() as report:
        result = run_round(
            snapshot,
            to,
            engine=engine,
            strategy=strategy,
            cache=cache.expanduser(),
            images_root=images,
            seed=seed,
            progress=report,
        )
    for name in result.unanswered:
        click.echo(f"{name}: not answered, because the train split has too few labels of it.", err=True)
    answer = {
        "metrics": result.metrics,
        "model": str(result.model),
        "predictions": str(result.predictions),
        "unanswered": result.unanswered,
    }
    _print(answer, as_json=as_json)


@main.command()
@snapshot_argument
@to_option
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; may be repeated.")
@images_option
@as_json
def fit(snapshot: Path, to: Path, settings: tuple[str, ...], images: Path | None, as_json: bool) -> None:
    """Fine-tune a multi-output CNN on SNAPSHOT. Run again after an interruption, it goes on."""
    from trainer.config import FitConfig  # noqa: PLC0415
    from trainer.fit import fit as run_fit  # noqa: PLC0415
    from trainer.snapshot import Snapshot  # noqa: PLC0415

    unknown = [text for text in settings if text.partition("=")[0] not in FitConfig.model_fields]
    if unknown:
        raise click.UsageError(
            f"There is no setting {unknown[0]!r}. Known: {', '.join(FitConfig.model_fields)}."
        )
    try:
        config = FitConfig.model_validate_strings(dict(text.split("=", 1) for text in settings))
    except ValueError as cause:
        raise click.UsageError(str(cause)) from cause
    with _bars() as report:
        result = run_fit(
            Snapshot.open(snapshot, images_root=images),
            to,
            config,
            progress=lambda done, total, message: report(Progress("train", done, total, message)),
        )
    for name, why in result.skipped.items():
        click.echo(f"{name}: {why}", err=True)
    answer = {"epoch": result.epoch, "model": str(result.model), "val": result.val, "skipped": result.skipped}
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"The model is in {result.model}.")


@main.command()
@model_argument
@snapshot_argument
@cache_option
@images_option
@as_json
def evaluate(model: Path, snapshot: Path, cache: Path, images: Path | None, as_json: bool) -> None:
    """Measure MODEL on the val and test splits of SNAPSHOT."""
    from trainer.engines import ask  # noqa: PLC0415
    from trainer.evaluate import evaluate as measure  # noqa: PLC0415
    from trainer.snapshot import Snapshot  # noqa: PLC0415

    known = Snapshot.open(snapshot, images_root=images)
    with _bars() as report:
        answers = ask(model, known, cache.expanduser(), report)
    _print({"metrics": measure(known, answers.probabilities, answers.priors)}, as_json=as_json)


@main.command()
@model_argument
@snapshot_argument
@to_option
@strategy_option
@cache_option
@images_option
@seed_option
@as_json
def predict(
    model: Path,
    snapshot: Path,
    to: Path,
    strategy: str,
    cache: Path,
    images: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Write predictions of MODEL for every image of SNAPSHOT."""
    from trainer.acquisition import rule  # noqa: PLC0415
    from trainer.engines import ask  # noqa: PLC0415
    from trainer.predictions import refuse_if_written  # noqa: PLC0415
    from trainer.round import write_answers  # noqa: PLC0415
    from trainer.snapshot import Snapshot  # noqa: PLC0415

    rule(strategy)
    refuse_if_written(to)
    known = Snapshot.open(snapshot, images_root=images)
    with _bars() as report:
        answers = ask(model, known, cache.expanduser(), report)
        manifest = write_answers(known, answers, to, strategy, seed, report)
    _print({"metrics": manifest["metrics"], "predictions": str(to)}, as_json=as_json)


@main.command()
@as_json
def models(as_json: bool) -> None:
    """List networks, engines and strategies."""
    from trainer.acquisition import RULES  # noqa: PLC0415
    from trainer.engines import ENGINES  # noqa: PLC0415
    from trainer.networks import names  # noqa: PLC0415

    known = {"engines": list(ENGINES), "networks": names(), "strategies": list(RULES)}
    if as_json:
        click.echo(json.dumps(known))
    else:
        for kind, entries in known.items():
            click.echo(f"{kind}: {', '.join(entries)}")


@main.command()
@snapshot_argument
@to_option
@click.option(
    "--strategy", "strategies", multiple=True, help="A rule; may be repeated. The first is the baseline."
)
@click.option("--seeds", type=int, help="Replays of each rule.")
@click.option("--stress", help="none, duplicates, noise, rare or missing.")
@click.option("--budget", "budgets", type=int, multiple=True, help="Images bought in all; may be repeated.")
@cache_option
@images_option
@as_json
def simulate(
    snapshot: Path, to: Path, cache: Path, images: Path | None, as_json: bool, **settings: Any
) -> None:
    """Replay the labels of SNAPSHOT as if they were bought one batch after the other: what does a rule save?"""
    from trainer.simulate import Plan  # noqa: PLC0415
    from trainer.simulate import simulate as run  # noqa: PLC0415
    from trainer.snapshot import Snapshot  # noqa: PLC0415

    try:
        plan = Plan.model_validate({name: value for name, value in settings.items() if value})
    except ValueError as cause:
        raise click.UsageError(str(cause)) from cause
    with _bars() as report:
        known = Snapshot.open(snapshot, images_root=images)
        summary = run(known, to, plan, cache=cache.expanduser(), report=report)
    if as_json:
        click.echo(json.dumps(summary, sort_keys=True))
        return
    for name, figures in summary["strategies"].items():
        against = summary["against_baseline"].get(name, {}).get("times_fewer", {}).get("95%", {}).get("macro")
        times = f", {against['ratio']:.2f} times fewer labels to 95 %" if against and against["ratio"] else ""
        click.echo(f"{name}: area {figures['area']:.3f}{times}")
    click.echo(f"The report is {to / 'report.html'}.")


@contextmanager
def _bars() -> Iterator[Report]:
    """Show one progress bar per stage on stderr, if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
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


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, sort_keys=True, ensure_ascii=False))
        return
    table = Table(
        "attribute", "split", "images", "groups", "accuracy", "balanced accuracy", "recall by code", "ece"
    )
    for attribute, splits in answer["metrics"].items():
        for split, figures in splits.items():
            recall = " ".join(f"{code}:{share:.2f}" for code, share in figures["recall"].items())
            shares = [_share(figures[key]) for key in ("accuracy", "balanced_accuracy")]
            counts = [str(figures[key]) for key in ("images", "groups")]
            table.add_row(attribute, split, *counts, *shares, recall, _share(figures["ece"]))
    Console().print(table)
    for key in ("model", "predictions"):
        if key in answer:
            click.echo(f"{key}: {answer[key]}")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
