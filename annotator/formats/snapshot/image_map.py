"""Reading the map of the images that the trainer wrote (`trainer/probe/image_map.py`, FORMATS.md).

```
FLMAP1 and two zero bytes
uint32           the number of images on the map
uint32           the number of images that it was made for; those without features are not on it
uint32 × images  their ids
float32 × 2 × images  x and y of each, from 0 to 1
```

All numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"FLMAP1\0\0"
_HEAD = struct.Struct("<8sII")


@dataclass(frozen=True)
class MapPoints:
    """The images on a map.

    Args:
        ids: (images,) their ids.
        places: (images, 2) x and y, from 0 to 1.
        asked: the number of images that the map was made for.
    """

    ids: NDArray[np.int64]
    places: NDArray[np.float32]
    asked: int

    def without(self, ids: NDArray[np.int64]) -> MapPoints:
        """The map without some images."""
        kept = ~np.isin(self.ids, ids)
        return MapPoints(self.ids[kept], self.places[kept], self.asked - int((~kept).sum()))

    def to_bytes(self) -> bytes:
        """The content of a file."""
        head = _HEAD.pack(_MAGIC, len(self.ids), self.asked)
        return head + self.ids.astype("<u4").tobytes() + self.places.astype("<f4").tobytes()


def read_map(file: Path) -> MapPoints | None:
    """Read a map; None if it is gone or damaged: it is computed again."""
    try:
        content = file.read_bytes()
        magic, count, asked = _HEAD.unpack_from(content)
    except (OSError, struct.error):
        return None
    if magic != _MAGIC or len(content) != _HEAD.size + 12 * count:
        return None
    ids = np.frombuffer(content, "<u4", count, _HEAD.size).astype(np.int64)
    places = np.frombuffer(content, "<f4", 2 * count, _HEAD.size + 4 * count)
    return MapPoints(ids, places.astype(np.float32).reshape(-1, 2), asked)
