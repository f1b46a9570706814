"""The commands that measure and show a model: evaluate, report, explain; and those that use it elsewhere."""

import json
import os
import sys
from pathlib import Path

import click
from rich.table import Table

from trainer.cli.group import (
    Folder,
    as_json,
    bars_on_stderr,
    cache_option,
    images_option,
    main,
    model_argument,
    plain_console,
    snapshot_argument,
    to_option,
)
from trainer.runtime.progress import Progress

TableFile = click.Path(path_type=Path, exists=True, dir_okay=False)
ImageFile = click.Path(path_type=Path, exists=True)
NICENESS = 10
"""People who label come before explanations."""
WIDE = 160
"""Columns of a table that is written to a file."""


@main.command()
@model_argument
@snapshot_argument
@click.option("--to", type=Folder, help="Also write evaluation.json into this folder.")
@cache_option
@images_option
@as_json
def evaluate(
    model: Path, snapshot: Path, to: Path | None, cache: Path, images: Path | None, as_json: bool
) -> None:
    """Measure MODEL on every split of SNAPSHOT, with intervals, by class and by subgroup."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.evaluation.full_report import evaluate_fully  # noqa: PLC0415
    from trainer.reports.headline_metrics import HEADER, headline_metrics  # noqa: PLC0415
    from trainer.rounds.engines import ask, trained_on  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415
    from trainer.runtime.files import canonical_json, write_atomically  # noqa: PLC0415

    opened = Snapshot.open(snapshot, images_root=images)
    with process_group(), bars_on_stderr() as report:
        answers = ask(model, opened, cache.expanduser(), report)
        first = rank() == 0
    if not first:
        return
    _warn_of_another_snapshot(trained_on(model), opened.content_hash)
    metrics = evaluate_fully(opened, answers)
    if to:
        to.mkdir(parents=True, exist_ok=True)
        write_atomically(to / "evaluation.json", canonical_json(metrics).encode())
    if as_json:
        click.echo(json.dumps({"metrics": metrics}, sort_keys=True))
        return
    table = Table(*HEADER)
    for row in headline_metrics(metrics):
        table.add_row(*row)
    plain_console(None if sys.stdout.isatty() else WIDE).print(table)


@main.command()
@click.argument("run", type=Folder)
@snapshot_argument
@click.option("--to", type=Folder, help="Folder to write. Default: RUN/report.")
@click.option("--rates", type=Folder, help="Folder of the command find-rate; its curve is added.")
@cache_option
@images_option
def report(
    run: Path, snapshot: Path, to: Path | None, rates: Path | None, cache: Path, images: Path | None
) -> None:
    """Write the report of RUN, a folder of the command fit or round, measured on SNAPSHOT: one HTML page."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.evaluation.full_report import evaluate_fully  # noqa: PLC0415
    from trainer.finetune.lr_finder import RateTest  # noqa: PLC0415
    from trainer.reports.run_report import write_report  # noqa: PLC0415
    from trainer.rounds.engines import ask, trained_on  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415

    opened = Snapshot.open(snapshot, images_root=images)
    tested = RateTest.read_csv(rates / "rates.csv") if rates else None
    model = run / "model" if (run / "model").is_dir() else run
    with process_group(), bars_on_stderr() as progress:
        answers = ask(model, opened, cache.expanduser(), progress)
        first = rank() == 0
    if not first:
        return
    _warn_of_another_snapshot(trained_on(model), opened.content_hash)
    to = to or run / "report"
    write_report(run, opened, answers, evaluate_fully(opened, answers), to, tested)
    click.echo(f"The report is {to / 'report.html'}.")


@main.command()
@model_argument
@click.argument("image", type=click.Path(path_type=Path, dir_okay=False))
@to_option
@click.option(
    "--snapshot",
    type=Folder,
    help="Snapshot that provides the names of the values, and the face if it holds IMAGE.",
)
def explain(model: Path, image: Path, to: Path, snapshot: Path | None) -> None:
    """Show why MODEL answers IMAGE as it does: probabilities, Grad-CAM, feature maps, filters."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.reports.explanation import explain as write_page  # noqa: PLC0415

    opened = Snapshot.open(snapshot) if snapshot else None
    click.echo(f"The page is {write_page(model, image, to, opened)}.")


@main.command("explain-suggestions")
@cache_option
def explain_suggestions(cache: Path) -> None:
    """Answer questions from standard input why a model suggests a value: one JSON object a line, one answer a line.

    Each question has the keys model, snapshot (folders), sha256, attribute and code. The label page's key Y uses it.
    """
    from trainer.reports.reasons import answer_line  # noqa: PLC0415

    os.nice(NICENESS)
    for line in sys.stdin:
        click.echo(json.dumps(answer_line(line, cache)))


@main.command("predict-images")
@model_argument
@click.argument("images", nargs=-1, required=True, type=ImageFile)
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV file to write."
)
@click.option("--snapshot", type=Folder, help="Snapshot that provides the faces of the images that it holds.")
def predict_images(model: Path, images: tuple[Path, ...], to: Path, snapshot: Path | None) -> None:
    """Answer image files and folders of images with MODEL. Writes one CSV: code and probability of every attribute."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.rounds.image_predictions import predict_files  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415

    with process_group(), bars_on_stderr() as report:
        opened = Snapshot.open(snapshot) if snapshot else None
        done, failed = predict_files(
            model,
            images,
            to,
            lambda n, total: report(Progress("predict", n, total, "scoring images")),
            opened,
        )
        first = rank() == 0
    if not first:
        return
    for message in failed:
        click.echo(message, err=True)
    click.echo(f"{done} images in {to}, {len(failed)} could not be read.")


@main.command()
@model_argument
@to_option
@as_json
def export(model: Path, to: Path, as_json: bool) -> None:
    """Write MODEL as ONNX: pixels in, calibrated probabilities out. The file is checked against the network."""
    from trainer.rounds.onnx_export import export_onnx  # noqa: PLC0415

    manifest = export_onnx(model, to)
    message = f"{to / 'model.onnx'} gives the same answers to {manifest['largest_difference']:.0e}."
    click.echo(json.dumps(manifest, sort_keys=True) if as_json else message)


@main.command("noise-ceiling")
@snapshot_argument
@click.option(
    "--checked",
    type=TableFile,
    help="CSV like labels.csv with the true values of images that were drawn at random and looked at with care.",
)
@click.option(
    "--gold",
    type=TableFile,
    help="CSV like labels.csv with the true values of gold images that people answered.",
)
@as_json
def noise_ceiling(snapshot: Path, checked: Path | None, gold: Path | None, as_json: bool) -> None:
    """Estimate what a perfect model could score on the noisy labels of SNAPSHOT, with intervals.

    Without CHECKED and GOLD it compares what several people answered: export the snapshot with --history.
    """
    from trainer.data.annotations import read_truths  # noqa: PLC0415
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.evaluation.noise_ceiling import noise_ceilings  # noqa: PLC0415
    from trainer.reports.noise_ceiling import HEADER, ceiling_json, ceiling_rows  # noqa: PLC0415

    opened = Snapshot.open(snapshot)
    ceilings = noise_ceilings(
        opened,
        checked=read_truths(checked, opened) if checked else None,
        gold=read_truths(gold, opened) if gold else None,
    )
    if as_json:
        click.echo(json.dumps({"ceilings": ceiling_json(opened, ceilings)}, sort_keys=True))
        return
    table = Table(*HEADER)
    for row in ceiling_rows(opened, ceilings):
        table.add_row(*row)
    plain_console(None if sys.stdout.isatty() else WIDE).print(table)


def _warn_of_another_snapshot(trained: str, measured: str) -> None:
    if trained != measured:
        click.echo(
            f"The model was trained on the snapshot {trained[:12]}, but this is {measured[:12]}: images that it learned "
            "from may be in other splits here.",
            err=True,
        )
