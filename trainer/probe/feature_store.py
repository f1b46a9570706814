"""A file of fixed-size records that only grows: the features of images, found by the sha256 of the image.

```
recipe.json      what the features are
features.f16     one record of `size` float16 per image
images.sha256    one digest of 32 bytes per record, in the same order
lock             held while records are added
```

A record counts once its digest is there, and digests are written after their records have reached the disk: whatever a
crash tears is behind the last whole digest and is overwritten by the next writer.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.runtime.files import canonical_json, write_atomically

DIGEST = 32


class FeatureStore:
    """The features of one recipe.

    Args:
        folder: Is made if need be.
        recipe: What the features depend on; written beside them for people.
        size: Numbers per image.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], size: int) -> None:
        self.folder, self.size = folder, size
        self._records = folder / "features.f16"
        self._digests = folder / "images.sha256"
        self._lock = folder / "lock"
        folder.mkdir(parents=True, exist_ok=True)
        for file in (self._records, self._digests, self._lock):
            file.open("ab").close()  # touch would say that it was changed
        written = canonical_json(recipe).encode()
        if not (folder / "recipe.json").exists() or (folder / "recipe.json").read_bytes() != written:
            write_atomically(folder / "recipe.json", written)

    def __len__(self) -> int:
        return self._digests.stat().st_size // DIGEST

    def state(self) -> tuple[int, int, int]:
        """Return what changes with every record that is added, and with a store that somebody made anew."""
        found = self._digests.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def rows_of(self, digests: list[str]) -> NDArray[np.int64]:
        """Return (len(digests),) the number of each image's record, -1 where its features are not known."""
        wanted = _digest_array(bytes.fromhex("".join(digests)))
        found = pc.index_in(wanted, value_set=_digest_array(self._digests.read_bytes())).fill_null(-1)
        rows: NDArray[np.int64] = found.to_numpy().astype(np.int64)
        return rows

    def digests(self) -> NDArray[np.uint8]:
        """Return the (count, 32) sha256 of the images, in the order of the records."""
        content = np.fromfile(self._digests, np.uint8)
        return content[: len(content) // DIGEST * DIGEST].reshape(-1, DIGEST)

    def records(self) -> NDArray[np.float16]:
        """Map all records into memory as a read-only (count, size) array."""
        count = len(self)
        if count == 0:
            return np.empty((0, self.size), np.float16)
        return np.memmap(self._records, np.float16, mode="r", shape=(count, self.size))

    def read(self, start: int, count: int) -> NDArray[np.float16]:
        """Return the (count, size) records from `start` on, fewer at the end; for a pass over all, which mapped would fill the memory."""
        count = max(0, min(count, len(self) - start))
        found = np.fromfile(self._records, np.float16, count=count * self.size, offset=start * self.size * 2)
        return found.reshape(count, self.size)

    def append(self, digests: list[str], features: NDArray[np.float16]) -> None:
        """Add records and return when they are durable.

        Args:
            digests: sha256 of the images.
            features: (len(digests), size).
        """
        with self._locked():
            count = len(self)
            _write_at(self._records, count * self.size * 2, np.ascontiguousarray(features).tobytes())
            _write_at(self._digests, count * DIGEST, bytes.fromhex("".join(digests)))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _digest_array(content: bytes) -> pa.Array:
    """The whole digests at the start of some bytes."""
    return pa.Array.from_buffers(pa.binary(DIGEST), len(content) // DIGEST, [None, pa.py_buffer(content)])


def _write_at(file: Path, offset: int, content: bytes) -> None:
    """Write behind the whole records, over what a crash may have left there."""
    with file.open("r+b") as stream:
        stream.truncate(offset)
        stream.seek(offset)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
