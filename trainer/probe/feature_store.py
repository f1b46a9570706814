"""A file of fixed-size records that only grows: the features of images, looked up by the sha256 of the image.

```
recipe.json      what the features depend on
size             the number of numbers per image
features.f16     one record of `size` float16 numbers per image
images.sha256    one digest of 32 bytes per record, in the same order
lock             held while records are added
```

A record counts once its digest is written, and digests are written after their records have reached the disk. Whatever a
crash tears lies behind the last whole digest, and the next writer overwrites it.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.runtime.files import canonical_json, remove_unfinished, replacing, write_atomically

DIGEST = 32
_SIZE = "size"
_PART = 65_536
"""Records that are read at once while others are removed."""


class FeatureStore:
    """The features of one recipe.

    Args:
        folder: Created if it does not exist.
        recipe: What the features depend on; written beside them for people to read.
        size: Numbers per image.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], size: int) -> None:
        self.folder, self.size = folder, size
        self._records = folder / "features.f16"
        self._digests = folder / "images.sha256"
        self._lock = folder / "lock"
        self._looked_up = 0  # records among which the missing ones were looked for
        folder.mkdir(parents=True, exist_ok=True)
        for file in (self._records, self._digests, self._lock):
            file.open("ab").close()  # unlike touch, this keeps the time of the last change
        written = canonical_json(recipe).encode()
        if not (folder / "recipe.json").exists() or (folder / "recipe.json").read_bytes() != written:
            write_atomically(folder / "recipe.json", written)
        if not (folder / _SIZE).exists():
            write_atomically(folder / _SIZE, str(size).encode())

    @classmethod
    def existing(cls, folder: Path) -> "FeatureStore | None":
        """Open a store that was made before; None if its size is not known, because an earlier version made it."""
        try:
            recipe, size = (
                json.loads((folder / "recipe.json").read_bytes()),
                int((folder / _SIZE).read_bytes()),
            )
        except (FileNotFoundError, ValueError):
            return None
        return cls(folder, recipe, size)

    def __len__(self) -> int:
        return self._digests.stat().st_size // DIGEST

    def state(self) -> tuple[int, int, int]:
        """Return a value that changes with every added record, and if the store was created again."""
        status = self._digests.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def rows_of(self, digests: list[str]) -> NDArray[np.int64]:
        """Return (len(digests),) the record number of each image; -1 if it has no features."""
        wanted = _digest_array(bytes.fromhex("".join(digests)))
        present = _digest_array(self._digests.read_bytes())
        self._looked_up = len(present)
        numbers = pc.index_in(wanted, value_set=present).fill_null(-1)
        rows: NDArray[np.int64] = numbers.to_numpy().astype(np.int64)
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
        """Return (count, size) records from `start` on, fewer at the end.

        A pass over all records reads them this way, because mapped records would fill the memory.
        """
        count = max(0, min(count, len(self) - start))
        records = np.fromfile(
            self._records, np.float16, count=count * self.size, offset=start * self.size * 2
        )
        return records.reshape(count, self.size)

    def append(self, digests: list[str], features: NDArray[np.float16]) -> None:
        """Add records and return when they are durable. Those that another process has added since `rows_of` are left out.

        Args:
            digests: sha256 of the images, in hexadecimal.
            features: (len(digests), size).
        """
        with self.locked():
            count = len(self)
            others = {key.tobytes() for key in self.digests()[min(self._looked_up, count) :]}
            new = [place for place, key in enumerate(digests) if bytes.fromhex(key) not in others]
            if new:
                _write_at(self._records, count * self.size * 2, np.ascontiguousarray(features[new]).tobytes())
                _write_at(
                    self._digests, count * DIGEST, bytes.fromhex("".join(digests[place] for place in new))
                )

    def keep(self, digests: list[str]) -> NDArray[np.bool_]:
        """Keep the records of these images, and remove all others with what was computed from them.

        A crash leaves the records as they were, as they shall be, or none at all.

        Args:
            digests: Keys of the records, in hexadecimal.

        Returns:
            (records,) which of the records before were kept.
        """
        with self.locked():
            remove_unfinished(self.folder)
            present = self.digests()
            wanted = _digest_array(bytes.fromhex("".join(digests)))
            kept: NDArray[np.bool_] = (
                pc.is_in(_digest_array(present.tobytes()), value_set=wanted)
                .to_numpy(zero_copy_only=False)
                .astype(bool)
            )
            torn = self._records.stat().st_size - len(kept) * self.size * 2
            torn += self._digests.stat().st_size - len(kept) * DIGEST
            if torn or not kept.all():
                self._rewrite(present, kept)
            return kept

    def _rewrite(self, digests: NDArray[np.uint8], kept: NDArray[np.bool_]) -> None:
        for derived in self.folder.glob("*.safetensors"):  # embeddings of all records
            derived.unlink()
        with replacing(self._records) as temporary:
            with temporary.open("wb") as stream:
                for start in range(0, len(kept), _PART):
                    part = self.read(start, _PART)
                    stream.write(part[kept[start : start + len(part)]].tobytes())
            write_atomically(self._digests, b"")  # no record counts while the two files differ
        write_atomically(self._digests, digests[kept].tobytes())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing into the store."""
        with self._lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _digest_array(content: bytes) -> pa.Array:
    """Return the whole digests at the start of some bytes."""
    return pa.Array.from_buffers(pa.binary(DIGEST), len(content) // DIGEST, [None, pa.py_buffer(content)])


def _write_at(file: Path, offset: int, content: bytes) -> None:
    """Write behind the whole records, over anything a crash left there."""
    with file.open("r+b") as stream:
        stream.truncate(offset)
        stream.seek(offset)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
