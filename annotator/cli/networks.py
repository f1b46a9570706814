"""networks: add networks of torchvision or timm, whose features probes may use; list and remove them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.files import staged_folder
from annotator.services.rounds.networks import (
    list_networks,
    network_folder_of,
    refuse_added,
    remove_network,
)


@click.group("networks")
def networks_group() -> None:
    """Add networks whose features probes may use beside those of the frozen network; list or remove them.

    The worker computes their features, compares a probe on them with one without them on the audit labels, and the next rounds
    use them if they are better.
    """


@networks_group.command("add")
@click.argument("name")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, resolve_path=True),
    help="The published weights, a .safetensors file. Without it they are looked up on this machine; nothing is downloaded.",
)
@click.option("--random", is_flag=True, help="Use random weights, to try the way without a file.")
@project_option
def add_network(name: str, weights: Path | None, random: bool, project: Path) -> None:
    """Add the network NAME of torchvision or timm, such as timm:vit_small_patch14_dinov2.lvd142m."""
    opened = open_project(project)
    refuse_added(opened, name)
    arguments = [*(["--weights", str(weights)] if weights else []), *(["--random"] if random else [])]
    with staged_folder(network_folder_of(opened, name)) as unfinished:
        # A separate process, because only the worker loads the trainer.
        command = [
            sys.executable,
            "-m",
            "trainer",
            "pin-network",
            *arguments,
            "--to",
            str(unfinished),
            "--",
            name,
        ]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(done.returncode)
    click.echo(done.stdout.split(": ", 1)[-1], nl=False)
    click.echo("The worker of the server computes its features and compares them with the frozen network's.")


@networks_group.command("list")
@project_option
@json_option
def list_command(project: Path, as_json: bool) -> None:
    """List the networks that were added."""
    networks = list_networks(open_project(project))
    if as_json:
        print_json([network.manifest for network in networks])
        return
    for network in networks:
        manifest = network.manifest
        weights = manifest["weights"]
        source = weights if isinstance(weights, str) else f"{weights['name']}, sha256 {weights['sha256']}"
        click.echo(
            f"{network.name}: {manifest['feature_size']:,} features, images of {manifest['input_size']} pixels; "
            f"licence: {manifest['license'] or 'not known here'}; weights: {source}"
        )
    if not networks:
        click.echo("No network was added; probes work on faces.")


@networks_group.command("remove")
@click.argument("name")
@project_option
def remove_command(name: str, project: Path) -> None:
    """Remove the network NAME. Predictions made with it stay; the next rounds do without it."""
    remove_network(open_project(project), name)
    click.echo(f"The network {name} was removed.")
