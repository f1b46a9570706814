"""The commands of active learning: round, predict, label-errors, labels-saved, map, simulate."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from trainer.cli.group import (
    as_json,
    bars_on_stderr,
    cache_option,
    images_option,
    main,
    model_argument,
    print_metrics,
    progress_into,
    seed_option,
    snapshot_argument,
    strategy_option,
    to_option,
)


@main.command("round")
@snapshot_argument
@to_option
@click.option(
    "--engine", default="probe", show_default=True, help="Engine that trains: see the command models."
)
@click.option(
    "--features",
    "network",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Model folder of the engine cnn: the probe uses the features of its network instead of the frozen ones. Or a folder of "
    "the command pin-network: the probe uses the features of that network beside the frozen ones.",
)
@click.option(
    "--soft-labels",
    is_flag=True,
    help="Learn from the probabilities of several answers (probabilities.parquet) instead of the labels. Engine probe only.",
)
@strategy_option
@cache_option
@images_option
@seed_option
@click.option(
    "--progress",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to append the progress to, as lines of JSON, instead of showing bars.",
)
@as_json
def round_command(
    snapshot: Path,
    to: Path,
    engine: str,
    network: Path | None,
    soft_labels: bool,
    strategy: str,
    cache: Path,
    images: Path | None,
    seed: int,
    progress: Path | None,
    as_json: bool,
) -> None:
    """Train on SNAPSHOT and write a model and predictions. An interrupted round continues if it is run again."""
    from trainer.rounds.round import run_round  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415

    with process_group(), progress_into(progress) if progress else bars_on_stderr() as report:
        result = run_round(
            snapshot,
            to,
            engine=engine,
            strategy=strategy,
            cache=cache.expanduser(),
            images_root=images,
            seed=seed,
            network=network,
            soft_labels=soft_labels,
            progress=report,
        )
        first = rank() == 0
    if not first:
        return
    for name in result.unanswered:
        click.echo(f"{name}: not answered, because it has too few labels in the train split.", err=True)
    answer = {
        "metrics": result.metrics,
        "model": str(result.model),
        "predictions": str(result.predictions),
        "unanswered": result.unanswered,
    }
    print_metrics(answer, as_json=as_json)


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
    """Write the predictions of MODEL for every image of SNAPSHOT."""
    from trainer.acquisition import query_strategy  # noqa: PLC0415
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.rounds.engines import ask  # noqa: PLC0415
    from trainer.rounds.predictions import refuse_if_written  # noqa: PLC0415
    from trainer.rounds.round import write_answers  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415

    query_strategy(strategy)
    refuse_if_written(to)
    opened = Snapshot.open(snapshot, images_root=images)
    with bars_on_stderr() as report:
        with process_group():
            answers = ask(model, opened, cache.expanduser(), report)
            first = rank() == 0
        if not first:
            return
        manifest = write_answers(opened, answers, to, strategy, seed, report)
    print_metrics({"metrics": manifest["metrics"], "predictions": str(to)}, as_json=as_json)


@main.command("label-errors")
@snapshot_argument
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV file to write."
)
@cache_option
@images_option
@seed_option
@as_json
def label_errors(
    snapshot: Path, to: Path, cache: Path, images: Path | None, seed: int, as_json: bool
) -> None:
    """List the labels of SNAPSHOT that are probably wrong, the most suspicious first.

    To add the list to a round, write it to label_errors.csv in the folder of that round.
    """
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.rounds.engines import find_label_issues  # noqa: PLC0415
    from trainer.rounds.label_issues import write_label_issues  # noqa: PLC0415

    opened = Snapshot.open(snapshot, images_root=images)
    with bars_on_stderr() as report:
        issues = find_label_issues(opened, cache.expanduser(), seed, report)
    to.parent.mkdir(parents=True, exist_ok=True)
    write_label_issues(to, issues)
    counts = dict(Counter(issue.attribute for issue in issues))
    if as_json:
        click.echo(json.dumps({"file": str(to), "suspects": counts}, sort_keys=True))
        return
    for attribute, number in counts.items():
        click.echo(f"{attribute}: {number}")
    click.echo(f"{len(issues)} labels are probably wrong; {to} lists them.")


@main.command("labels-saved")
@snapshot_argument
@click.option(
    "--selection",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="CSV file that tells how images were drawn: selection.csv of a round.",
)
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="JSON file to write."
)
@cache_option
@images_option
@seed_option
@as_json
def labels_saved(
    snapshot: Path, selection: Path, to: Path, cache: Path, images: Path | None, seed: int, as_json: bool
) -> None:
    """Estimate how many random labels one label of the query strategy is worth in SNAPSHOT."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.rounds.engines import estimate_savings  # noqa: PLC0415
    from trainer.rounds.label_savings import read_selection  # noqa: PLC0415
    from trainer.runtime.files import canonical_json, write_atomically  # noqa: PLC0415

    drawn = read_selection(selection)
    opened = Snapshot.open(snapshot, images_root=images)
    with bars_on_stderr() as report:
        savings = estimate_savings(opened, drawn, cache.expanduser(), seed, report)
    to.parent.mkdir(parents=True, exist_ok=True)
    answer = savings.as_json() | {"seed": seed, "snapshot": {"content_hash": opened.content_hash}}
    write_atomically(to, canonical_json(answer).encode())
    if as_json:
        click.echo(json.dumps(answer, sort_keys=True))
    else:
        click.echo(savings.text)


@main.command("try-networks")
@snapshot_argument
@to_option
@click.option(
    "--network",
    "networks",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="Folder of the command pin-network; repeatable.",
)
@click.option("--frozen", is_flag=True, help="Also try a probe on the frozen backbone alone.")
@cache_option
@images_option
@seed_option
@as_json
def try_networks_command(
    snapshot: Path,
    to: Path,
    networks: tuple[Path, ...],
    frozen: bool,
    cache: Path,
    images: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a probe on SNAPSHOT for each network, so that their predictions can be compared."""
    from trainer.rounds.trials import try_networks  # noqa: PLC0415

    with bars_on_stderr() as report:
        results = try_networks(
            snapshot,
            to,
            networks,
            frozen=frozen,
            cache=cache.expanduser(),
            images_root=images,
            seed=seed,
            report=report,
        )
    if as_json:
        click.echo(json.dumps(results, sort_keys=True))
        return
    for name, result in results.items():
        click.echo(f"{name}: {result['error'] or to / name / 'predictions'}")


@main.command()
@snapshot_argument
@to_option
@click.option(
    "--strategy", "strategies", multiple=True, help="Query strategy; repeatable. The first is the baseline."
)
@click.option("--seeds", type=int, help="Replays of each query strategy.")
@click.option("--stress", help="none, duplicates, noise, rare or missing.")
@click.option(
    "--budget", "budgets", type=int, multiple=True, help="Total number of images bought; repeatable."
)
@click.option("--batch", type=int, help="Images bought between two models.")
@click.option("--start", type=int, help="Images bought at random before the first model.")
@click.option(
    "--whole-images", is_flag=True, default=None, help="Features of whole images, not of views of the face."
)
@click.option("--seconds-image", type=float, help="Seconds of the person to look at an image.")
@click.option("--seconds-answer", type=float, help="Seconds to give an answer or to correct a suggestion.")
@click.option("--seconds-confirmation", type=float, help="Seconds to confirm a suggestion.")
@cache_option
@images_option
@as_json
def simulate(
    snapshot: Path, to: Path, cache: Path, images: Path | None, as_json: bool, **settings: Any
) -> None:
    """Replay the labels of SNAPSHOT as if they were bought batch by batch, and measure what a query strategy saves."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.simulate import Plan  # noqa: PLC0415
    from trainer.simulate import simulate as run  # noqa: PLC0415

    chosen = {name: value for name, value in settings.items() if value not in (None, ())}
    pace = {part: chosen.pop(f"seconds_{part}", None) for part in ("image", "answer", "confirmation")}
    if pace := {part: seconds for part, seconds in pace.items() if seconds is not None}:
        chosen["pace"] = pace
    try:
        plan = Plan.model_validate(chosen)
    except ValueError as cause:
        raise click.UsageError(str(cause)) from cause
    with bars_on_stderr() as report:
        opened = Snapshot.open(snapshot, images_root=images)
        summary = run(opened, to, plan, cache=cache.expanduser(), report=report)
    if as_json:
        click.echo(json.dumps(summary, sort_keys=True))
        return
    for name, metrics in summary["strategies"].items():
        against = summary["against_baseline"].get(name, {}).get("times_fewer", {}).get("95%", {}).get("macro")
        times = f", {against['ratio']:.2f} times fewer labels to 95 %" if against and against["ratio"] else ""
        click.echo(f"{name}: area {metrics['area']:.3f}{times}")
    click.echo(f"The report is {to / 'report.html'}.")


@main.command("map")
@click.argument("images", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@cache_option
@seed_option
@as_json
def map_command(images: Path, to: Path, cache: Path, seed: int, as_json: bool) -> None:
    """Place the images of the Arrow file IMAGES in two dimensions, by their cached features (openTSNE)."""
    from trainer.probe.image_map import write_image_map  # noqa: PLC0415

    with bars_on_stderr() as report:
        count = write_image_map(images, cache.expanduser(), to, report, seed)
    answer = {"file": str(to), "images": count}
    click.echo(json.dumps(answer, sort_keys=True) if as_json else f"{count} images are on the map {to}.")
