"""A network with its weights in a folder, pinned by their sha256: the source of a probe's features beside the frozen backbone.

The folder holds `network.safetensors` and the manifest `manifest.json`, which is written last. Weights are read as tensors
only: from a .safetensors file, from an installed package, or from the folder in which a library keeps its downloads. Nothing
is downloaded.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from trainer import __version__
from trainer.networks import BUILDERS, build, timm_models, torchvision_models
from trainer.networks.backbone import Backbone
from trainer.networks.published import cached_file
from trainer.runtime.errors import ModelError, WeightsError
from trainer.runtime.files import file_entry, read_manifest, write_manifest
from trainer.runtime.tensors import read_tensors, write_tensors

FORMAT, VERSION = "facelabel-network", 1
FILE, MANIFEST = "network.safetensors", "manifest.json"
KEPT = "Nothing was changed."
CONVERT = (
    'python -c "import sys, torch; from safetensors.torch import save_file; '
    'save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])" FILE.pth FILE.safetensors'
)
"""A command that turns a torch checkpoint of named tensors into a file that runs no code."""


@dataclass(frozen=True)
class PinnedNetwork:
    """A network that was read from its folder.

    Attributes:
        backbone: In evaluation mode.
        sha256: Of the file with its weights.
    """

    backbone: Backbone
    sha256: str


def pin_network(
    folder: Path, name: str, *, weights: Path | None = None, random: bool = False
) -> dict[str, Any]:
    """Write a network's folder and return its manifest.

    Args:
        folder: Created if it does not exist.
        name: A network that `trainer.networks.build` knows.
        weights: The file with its published weights, .safetensors; None to find them on this machine.
        random: Whether the weights are random instead, to try the way.

    Raises:
        ChoiceError: There is no network of that name.
        WeightsError: The weights are not on this machine, belong to another network, or are not a .safetensors file.
    """
    source = None
    if random:
        backbone = build(name, pretrained=False)
    elif weights is None and name in BUILDERS:
        backbone = build(name, pretrained=True)  # its weights are in installed packages
    else:
        source = weights or _local_file(name)
        _refuse_other_formats(source)
        backbone = build(name, pretrained=True, weights=source)
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / FILE, backbone.state_dict())
    manifest = {
        "feature_size": backbone.feature_size,
        "files": {FILE: file_entry(folder / FILE)},
        "format": FORMAT,
        "input_size": backbone.input_size,
        "license": None if random else _license(name),
        "network": name,
        "parameters": sum(parameter.numel() for parameter in backbone.parameters()),
        "tool": f"facelabel {__version__}",
        "version": VERSION,
        "weights": "random" if random else "installed",
    }
    if source is not None:
        manifest["weights"] = {"name": source.name, **file_entry(source)}
    return write_manifest(folder / MANIFEST, manifest)


def is_pinned(folder: Path) -> bool:
    """Whether a folder holds a pinned network, and not a model."""
    return (folder / MANIFEST).exists() and not (folder / "model.json").exists()


def read_network(folder: Path) -> PinnedNetwork:
    """Read a network from its folder. The folder is verified every time, but the last networks stay in memory.

    Raises:
        ModelError: The folder is incomplete, a byte was changed, or the network is not known here any more.
    """
    manifest = read_manifest(folder / MANIFEST, format_name=FORMAT, version=VERSION, error=ModelError)
    return _read(folder, manifest["network"], manifest["files"][FILE]["sha256"])


@functools.lru_cache(maxsize=2)
def _read(folder: Path, name: str, sha256: str) -> PinnedNetwork:
    backbone = build(name, pretrained=False)
    try:
        backbone.load_state_dict(read_tensors(folder / FILE))
    except RuntimeError as cause:
        raise ModelError(
            f"The weights in {folder} do not fit the network {name} of the installed libraries.",
            KEPT,
            "Add the network again.",
        ) from cause
    return PinnedNetwork(backbone.eval(), sha256)


def _local_file(name: str) -> Path:
    """Return the file with the published weights that a library has downloaded earlier.

    Raises:
        ChoiceError: There is no network of that name.
        WeightsError: The file is not on this machine.
    """
    build(name, pretrained=False)  # raises for an unknown name
    bare = name.removeprefix("timm:")
    if bare == name and name in torchvision_models.names():
        url, file_name = torchvision_models.facts(name).url, ""
    else:
        url, file_name = timm_models.published_at(bare)
    file = cached_file(url, file_name) if url else None
    if file is None or not file.is_file():
        where = f"Download {url} on a machine with a connection" if url else "Find a file with its weights"
        if url and not url.endswith(".safetensors"):
            where += f", convert it there ({CONVERT})"
        raise WeightsError(
            f"The weights of {name} are not on this machine, and nothing is downloaded.",
            KEPT,
            f"{where}, and give it with --weights FILE.safetensors.",
        )
    return file


def _refuse_other_formats(file: Path) -> None:
    try:
        with safe_open(file, framework="pt"):
            readable = file.suffix == ".safetensors"
    except FileNotFoundError as cause:
        raise WeightsError(f"There is no file {file}.", KEPT, "Give another file.") from cause
    except (OSError, SafetensorError) as cause:
        with file.open("rb") as stream:
            checkpoint = stream.read(4) == b"PK\x03\x04" or file.suffix in {".pth", ".pt", ".bin", ".ckpt"}
        what = (
            "a torch checkpoint, which is a pickle and can run code" if checkpoint else f"damaged ({cause})"
        )
        raise WeightsError(
            f"{file} is {what}. Weights are read from .safetensors files only.",
            KEPT,
            f"Convert it where you trust it: {CONVERT}" if checkpoint else "Download the file again.",
        ) from cause
    if not readable:
        raise WeightsError(f"{file} does not end in .safetensors.", KEPT, "Rename the file.")


_OF_PACKAGES = {"efficientnet_lite0": "apache-2.0", "efficientnet_lite2": "apache-2.0"}
"""The licences of the packages with weights."""


def _license(name: str) -> str | None:
    """Return what timm or a package states as the licence of the published weights; None where it is not known here."""
    if name in _OF_PACKAGES:
        return _OF_PACKAGES[name]
    if name in BUILDERS or (name == name.removeprefix("timm:") and name in torchvision_models.names()):
        return None
    return timm_models.license_of(name.removeprefix("timm:"))
