"""The networks that were added to a project, whose features probes may use beside those of the frozen network.

Each has a folder, which the trainer writes (`trainer pin-network`), and which pins its weights by their sha256.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.files import UNFINISHED
from annotator.formats.snapshot.manifest import read_manifest
from annotator.project import ProjectFolder

FORMAT = "facelabel-network"


@dataclass(frozen=True)
class AddedNetwork:
    """An added network.

    Args:
        name: its name in torchvision or timm.
        folder: its folder.
        manifest: what the trainer wrote about it (FORMATS.md).
    """

    name: str
    folder: Path
    manifest: dict[str, Any]


def list_networks(project: ProjectFolder) -> list[AddedNetwork]:
    """All added networks, by name. A folder whose manifest cannot be read is left out."""
    networks = []
    for folder in sorted(project.networks.glob("*")):
        if folder.name.endswith(UNFINISHED):
            continue
        try:
            manifest = read_manifest(folder, FORMAT)
        except FacelabelError:
            continue
        networks.append(AddedNetwork(manifest["network"], folder, manifest))
    return networks


def network_folder_of(project: ProjectFolder, name: str) -> Path:
    """The folder of an added network, always below the project's `networks/`.

    A dot at the start of its name, and characters that are no letters, digits, dots or hyphens, are replaced.
    """
    return project.networks / (re.sub(r"[^A-Za-z0-9._-]|^\.", "_", name) or "_")


def refuse_added(project: ProjectFolder, name: str) -> None:
    """Check that a network can be added.

    Raises:
        Conflict: if it was added already, or is the frozen network.
    """
    if name == "faces":
        raise Conflict("network_exists", "Every probe works on faces already.", do="Add another network.")
    if network_folder_of(project, name).exists():
        raise Conflict(
            "network_exists",
            f"The network {name} was added already.",
            do=f"To replace its weights, call `facelabel networks remove {name}` first.",
        )


def remove_network(project: ProjectFolder, name: str) -> None:
    """Remove an added network. Rounds that used it keep their predictions; the next ones do without it.

    Raises:
        NotFound: if it was not added.
    """
    folder = network_folder_of(project, name)
    if not folder.is_dir():
        raise NotFound(
            "unknown_network",
            f"There is no added network {name!r}.",
            do="`facelabel networks list` shows them.",
        )
    gone = folder.with_name(f"{folder.name}{UNFINISHED}")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)
