"""The commands that train networks: fit, find-rate, compare; and the lists of models and presets."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Column, Table

from trainer.cli.group import (
    as_json,
    bars_on_stderr,
    images_option,
    main,
    plain_console,
    snapshot_argument,
    to_option,
)
from trainer.runtime.errors import ChoiceError
from trainer.runtime.progress import Progress, Report

if TYPE_CHECKING:
    from trainer.config import FitConfig

preset_option = click.option(
    "--preset",
    help="Preset to start from: see the command presets. Default: default, or fine-tune if another network is set.",
)
config_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="config.json of another run to start from, instead of a preset.",
)
set_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; repeatable."
)


@main.command()
@snapshot_argument
@to_option
@preset_option
@config_option
@set_option
@images_option
@as_json
def fit(
    snapshot: Path,
    to: Path,
    preset: str | None,
    file: Path | None,
    settings: tuple[str, ...],
    images: Path | None,
    as_json: bool,
) -> None:
    """Fine-tune a multi-output network on SNAPSHOT. An interrupted run continues if it is run again."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.finetune.run import fit as run_fit  # noqa: PLC0415
    from trainer.runtime.distributed import process_group, rank  # noqa: PLC0415

    config = read_settings(preset, file, settings)
    with process_group(), bars_on_stderr() as report:
        result = run_fit(Snapshot.open(snapshot, images_root=images), to, config, progress=_training(report))
        first = rank() == 0
    if not first:
        return
    for name, reason in result.skipped.items():
        click.echo(f"{name}: {reason}", err=True)
    answer = {"epoch": result.epoch, "model": str(result.model), "val": result.val, "skipped": result.skipped}
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"The model is in {result.model}.")


@main.command("find-rate")
@snapshot_argument
@to_option
@preset_option
@config_option
@set_option
@click.option("--lowest", default=1e-7, show_default=True, help="Learning rate of the first step.")
@click.option("--highest", default=10.0, show_default=True, help="Learning rate of the last step.")
@click.option("--steps", default=100, show_default=True, help="Number of steps.")
@images_option
@as_json
def find_rate(
    snapshot: Path,
    to: Path,
    preset: str | None,
    file: Path | None,
    settings: tuple[str, ...],
    lowest: float,
    highest: float,
    steps: int,
    images: Path | None,
    as_json: bool,
) -> None:
    """Raise the learning rate step by step on SNAPSHOT, draw the loss, and find where it falls most steeply."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.finetune.lr_finder import range_test  # noqa: PLC0415
    from trainer.reports.rate_curve import write_rate_curve  # noqa: PLC0415

    config = read_settings(preset, file, settings)
    opened = Snapshot.open(snapshot, images_root=images)
    with bars_on_stderr() as report:
        result = range_test(
            opened, config, to, progress=_training(report), lowest=lowest, highest=highest, steps=steps
        )
    write_rate_curve(result, to)
    answer = {"curve": str(to / "rates.html"), "suggested": result.suggested}
    if as_json:
        click.echo(json.dumps(answer))
    else:
        click.echo(f"The loss falls most steeply at {result.suggested:.1e}; the curve is {answer['curve']}.")


@main.command()
@snapshot_argument
@to_option
@click.option("--models", required=True, help="Names of networks, separated by commas.")
@click.option(
    "--preprocess", default="network", show_default=True, help="Ways to scale pixels, separated by commas."
)
@click.option(
    "--crop", "crops", default="1", show_default=True, help="Proportions of the sides, separated by commas."
)
@click.option("--pretrained", default="yes", show_default=True, help="yes, no, or yes,no.")
@preset_option
@config_option
@set_option
@images_option
@as_json
def compare(
    snapshot: Path,
    to: Path,
    models: str,
    preprocess: str,
    crops: str,
    pretrained: str,
    preset: str | None,
    file: Path | None,
    settings: tuple[str, ...],
    images: Path | None,
    as_json: bool,
) -> None:
    """Train every combination of settings once on SNAPSHOT and write one sortable table. An interrupted grid continues."""
    from trainer.data.snapshot import Snapshot  # noqa: PLC0415
    from trainer.reports.comparison import write_comparison  # noqa: PLC0415
    from trainer.rounds import compare as comparing  # noqa: PLC0415

    base = read_settings(preset or "fine-tune", file, settings).model_dump(exclude_unset=True)
    try:
        cells = comparing.grid(
            base,
            models=models.split(","),
            preprocess=preprocess.split(","),  # type: ignore[arg-type] # pydantic checks the names
            crops=[float(crop) for crop in crops.split(",")],
            pretrained=[{"yes": True, "no": False}[word] for word in pretrained.split(",")],
        )
    except (ValueError, KeyError) as cause:
        raise click.UsageError(str(cause)) from cause
    opened = Snapshot.open(snapshot, images_root=images)
    with bars_on_stderr() as report:
        rows = comparing.compare(opened, cells, to, report)
    write_comparison(rows, to)
    for row in rows:
        if row["error"]:
            click.echo(f"{row['run']}: {row['error']}", err=True)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, sort_keys=True))
    else:
        click.echo((to / "comparison.md").read_text(), nl=False)


@main.command()
@click.option("--search", metavar="PATTERN", help="List timm's networks that match, such as 'xcep*'.")
@click.option(
    "--stages", "of", metavar="NAME", help="List a network's stages, for the setting frozen_stages."
)
@as_json
def models(search: str | None, of: str | None, as_json: bool) -> None:
    """List networks with their parameters, image size and requirements; also engines and query strategies."""
    from trainer.acquisition import STRATEGIES  # noqa: PLC0415
    from trainer.networks.catalogue import found_in_timm, networks, stages  # noqa: PLC0415
    from trainer.rounds.engines import ENGINES  # noqa: PLC0415

    if of:
        _print_stages(stages(of), as_json=as_json)
        return
    rows = found_in_timm(search) if search else networks()
    if as_json:
        click.echo(json.dumps({"engines": list(ENGINES), "networks": rows, "strategies": list(STRATEGIES)}))
        return
    table = Table("network", "parameters", "image", "smallest", Column("needs", overflow="fold"))
    for row in rows:
        sizes = [str(row["input_size"]), str(row["smallest_side"])]
        table.add_row(row["name"], f"{row['parameters']:,}", *sizes, row["needs"])
    plain_console().print(table)
    click.echo("parameters: ours with one attribute of three classes, torchvision's as published with 1,000,")
    click.echo("timm's without a classifier. For more of timm's networks: trainer models --search 'xcep*'")
    click.echo(f"engines: {', '.join(ENGINES)}")
    click.echo(f"strategies: {', '.join(STRATEGIES)}")


@main.command("pin-network")
@click.argument("name")
@to_option
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The published weights, a .safetensors file. Without it they are looked up on this machine.",
)
@click.option("--random", is_flag=True, help="Use random weights, to try the way without a file.")
@as_json
def pin_network_command(name: str, to: Path, weights: Path | None, random: bool, as_json: bool) -> None:
    """Copy the network NAME of torchvision or timm with its weights into a folder, for the features of probes.

    Nothing is downloaded. `trainer round --features` takes the folder.
    """
    from trainer.networks.pinned import pin_network  # noqa: PLC0415

    if weights and random:
        raise click.UsageError("--weights and --random cannot be used together.")
    manifest = pin_network(to, name, weights=weights, random=random)
    if as_json:
        click.echo(json.dumps(manifest, sort_keys=True))
        return
    click.echo(
        f"{to}: {name}, {manifest['parameters']:,} parameters, {manifest['feature_size']:,} features, images of "
        f"{manifest['input_size']} pixels; licence: {manifest['license'] or 'not known here'}"
    )


def _print_stages(stages: list[tuple[str, int]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"parameters": count, "stage": name} for name, count in stages]))
        return
    table = Table("frozen_stages", "freezes up to", "parameters of the stage")
    for number, (name, count) in enumerate(stages, start=1):
        table.add_row(str(number), name, f"{count:,}")
    plain_console().print(table)


@main.command()
@as_json
def presets(as_json: bool) -> None:
    """List the presets of the command fit."""
    from trainer.presets import PRESETS  # noqa: PLC0415

    if as_json:
        click.echo(
            json.dumps({name: {"about": p.about, "settings": p.settings} for name, p in PRESETS.items()})
        )
        return
    for name, chosen in PRESETS.items():
        click.echo(f"{name}: {chosen.about}")


def read_settings(preset: str | None, file: Path | None, settings: tuple[str, ...]) -> "FitConfig":
    """Return the settings of a preset or a file, changed by NAME=VALUE.

    The default preset is `default`, whose settings fit its own network, or `fine-tune` if another network is set.

    Raises:
        ChoiceError: There is no such preset.
        click.UsageError: A setting does not exist or its value is invalid.
    """
    from trainer.config import FitConfig  # noqa: PLC0415
    from trainer.presets import preset as settings_of  # noqa: PLC0415

    names = FitConfig.model_fields
    other = any(setting.startswith("network=") for setting in settings)
    named = preset or ("fine-tune" if other else "default")
    chosen: dict[str, Any] = _of_file(file) if file else settings_of(named)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if name not in names or not equals:
            raise click.UsageError(f"There is no setting {name!r}. The settings are: {', '.join(names)}.")
        chosen[name] = [part for part in value.split(",") if part] if name == "attributes" else value
    try:
        return FitConfig.model_validate(chosen)
    except ValueError as cause:
        raise click.UsageError(str(cause)) from cause


def _of_file(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
        return dict(content.get("config", content))
    except (ValueError, TypeError, AttributeError) as cause:
        raise ChoiceError(
            f"{file} holds no settings: {cause}.", "Nothing was changed.", "Give the config.json of a run."
        ) from cause


def _training(report: Report) -> Any:
    return lambda done, total, message: report(Progress("train", done, total, message))
