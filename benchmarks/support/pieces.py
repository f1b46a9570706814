"""The finished pieces of a long measurement, so that an interruption costs one piece only."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.files import write_atomically

Arrays = Mapping[str, NDArray[Any]]


class Pieces:
    """Keeps pieces as files of a folder. A piece that is there is not made again.

    Args:
        folder: The folder; it is made.
        sources: Files that the JSON pieces follow from. If one has changed, these pieces are made again; arrays stay.
    """

    def __init__(self, folder: Path, sources: Sequence[Path] = ()) -> None:
        self._folder = folder
        stamp = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:12]
        self._results = folder / stamp
        self._results.mkdir(parents=True, exist_ok=True)

    def result(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a piece, any JSON; `make` makes it."""
        path = self._results / f"{name}.json"
        if not path.exists():
            write_atomically(path, json.dumps(make()).encode())
        return json.loads(path.read_bytes())

    def arrays(self, name: str, make: Callable[[], Arrays]) -> dict[str, NDArray[Any]]:
        """Return a piece, named arrays; `make` makes it."""
        path = self._folder / f"{name}.npz"
        if not path.exists():
            buffer = io.BytesIO()
            np.savez(buffer, **make())
            write_atomically(path, buffer.getvalue())
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
