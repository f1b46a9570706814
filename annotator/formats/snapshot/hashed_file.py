"""A text file that is hashed while it is written, so that it is neither held in memory nor read again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_CHUNK = 2**18  # characters that are encoded, hashed and written together


class HashedFile:
    """A new file that is written piece by piece and synced at the end.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._pieces: list[str] = []
        self._held = 0  # characters of the pieces

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._flush()
                self._file.flush()
                os.fsync(self._file.fileno())

    def write(self, text: str) -> None:
        """Add a piece of text."""
        self._pieces.append(text)
        self._held += len(text)
        if self._held >= _CHUNK:
            self._flush()

    def entry(self) -> dict[str, Any]:
        """Return the manifest's entry of the file, once it is closed."""
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest()}

    def _flush(self) -> None:
        content = "".join(self._pieces).encode()
        self._pieces.clear()
        self._held = 0
        self._hash.update(content)
        self._file.write(content)
        self._bytes += len(content)
