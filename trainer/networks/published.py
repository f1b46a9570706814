"""Files with published weights: found in torch's cache or downloaded, and read without running code from them."""

import pickle
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from trainer.runtime.errors import WeightsError

KEPT = "Nothing was changed."


def fetch(name: str, url: str, *, file_name: str = "") -> Path:
    """Return the file with published weights; on first use it is downloaded into torch's cache.

    Args:
        name: Name of the network, for the error.
        url: Where the file is published.
        file_name: Name in the cache; default: the last part of the URL.

    Raises:
        WeightsError: It is missing and cannot be downloaded. The message names the file and where it belongs.
    """
    file = cached_file(url, file_name)
    if file.is_file():
        return file
    if urllib.parse.urlparse(url).scheme != "https":
        raise WeightsError(f"No weights are published for {name}.", KEPT, "Set pretrained to false.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), progress=False)
    except (OSError, ValueError) as cause:
        raise WeightsError(
            f"The weights of {name} cannot be downloaded: {cause}.",
            KEPT,
            f"Download {url} on another machine and put it at {file}, or give the file in the setting weights.",
        ) from cause
    return file


def cached_file(url: str, file_name: str = "") -> Path:
    """Return where `fetch` keeps a file in torch's cache; arguments as of `fetch`."""
    return Path(torch.hub.get_dir(), "checkpoints", file_name or Path(urllib.parse.urlparse(url).path).name)


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors file or of a torch checkpoint.

    Raises:
        WeightsError: It cannot be read, holds something other than named tensors, or would run code.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        weights = torch.load(file, weights_only=True, map_location="cpu")
    except (OSError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as cause:
        reason = "there is no such file" if isinstance(cause, FileNotFoundError) else str(cause)
        raise WeightsError(
            f"The weights in {file} cannot be read: {reason}.", KEPT, "Download or give another file."
        ) from cause
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise WeightsError(f"{file} does not hold named tensors.", KEPT, "Give another file.")
    return weights


def load_into(
    network: nn.Module,
    file: Path,
    name: str,
    *,
    without: tuple[str, ...] = (),
    rename: Callable[[str], str] = str,
) -> None:
    """Load the tensors of a file into a network; every tensor must have a place.

    Args:
        network: The network.
        file: A file for `read_weights`.
        name: Name of the network, for the error.
        without: Parts in the file that the network may lack, such as a classifier.
        rename: A tensor's name in the file → its name in the network.

    Raises:
        WeightsError: The file is unusable or belongs to another network.
    """
    wanted = network.state_dict()
    named = {rename(key): value for key, value in read_weights(file).items()}
    weights = {
        key: value for key, value in named.items() if key in wanted or key.split(".")[0] not in without
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError as cause:
        missing = [key for key in wanted if key not in weights]
        reason = (
            f"{len(missing):,} tensors are missing, {missing[0]} first"
            if missing
            else str(cause).splitlines()[-1]
        )
        raise WeightsError(
            f"The weights in {file} are not those of {name}: {reason.strip()}.",
            KEPT,
            f"Give a file with the published weights of {name}.",
        ) from cause
