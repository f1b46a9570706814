"""Tensors and checkpoints on disk: safetensors with a JSON manifest, complete even if the process is killed.

The tensors are first written under a new name. Then one rename replaces the manifest, which names them. Then the old
tensors are deleted. `<name>.json` therefore always names a complete file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from trainer.runtime.errors import ModelError
from trainer.runtime.files import file_entry, read_manifest, replacing, write_manifest

FORMAT, VERSION = "facelabel-checkpoint", 1


def save_checkpoint(
    folder: Path, name: str, serial: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> None:
    """Replace a checkpoint.

    Args:
        folder: An existing folder.
        name: `last` or `best`; the manifest is `<name>.json`.
        serial: Must differ from that of the replaced checkpoint, unless the tensors are the same.
        tensors: Name → tensor.
        state: Everything else, as JSON.
    """
    file = folder / f"{name}-{serial:09d}.safetensors"
    write_tensors(file, tensors)
    write_manifest(
        folder / f"{name}.json",
        {"files": {file.name: file_entry(file)}, "format": FORMAT, "state": dict(state), "version": VERSION},
    )
    for other in folder.glob(f"{name}-*.safetensors*"):
        if other != file:
            other.unlink()


def load_checkpoint(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the tensors and the state of a checkpoint, or None if it does not exist.

    Raises:
        ModelError: The checkpoint is incomplete.
    """
    manifest_file = folder / f"{name}.json"
    if not manifest_file.exists():
        return None
    manifest = read_manifest(manifest_file, format_name=FORMAT, version=VERSION, error=ModelError)
    (file,) = manifest["files"]
    return read_tensors(folder / file), manifest["state"]


def remove_checkpoint(folder: Path, name: str) -> None:
    """Remove a checkpoint if it exists; its manifest goes first, so that it never names a missing file."""
    (folder / f"{name}.json").unlink(missing_ok=True)
    for file in folder.glob(f"{name}-*.safetensors*"):
        file.unlink()


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file atomically."""
    with replacing(file) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        return load_file(file)
    except (OSError, SafetensorError) as cause:
        raise ModelError(
            f"{file} cannot be read: {cause}.", "Nothing was changed.", "Train the model again."
        ) from cause


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under the names `<prefix>/<name>`, so that several sets can share a file."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def of_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that `with_prefix` stored under a prefix."""
    return {
        name.removeprefix(f"{prefix}/"): t for name, t in tensors.items() if name.startswith(f"{prefix}/")
    }


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the moments of an optimizer as `<number of the parameter>/<name>` → tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}/{name}": tensor for number, moments in state.items() for name, tensor in moments.items()
    }


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore the moments of `optimizer_tensors` in an optimizer of the same parameters."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split("/", 1)
        moments.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
