"""Looking at a photo before it is imported: how many faces it shows, and how large they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from annotator.imaging.image_files import VIEW_SIDE, Limits, RefusedImageError, decode_upright, read_bytes

SMALL_FACE = 1 / 6
"""A face that is lower than this share of the photo's shorter side is small: one of 1,024 × 768 pixels has 128."""

SMALLEST_SIDE = 240
"""No face is looked for in a photo whose shorter side has fewer pixels: its heads would be too small to be labelled."""


@dataclass(frozen=True)
class PhotoFaces:
    """What a photo shows.

    Args:
        sha256: of the file's bytes.
        faces: the number of faces; 0 if none was looked for.
        largest: the height of the largest face as a share of the photo's shorter side; 0 without a face.
    """

    sha256: str
    faces: int
    largest: float

    @property
    def crowded(self) -> bool:
        """Whether it shows several people or a small face, so that a label of the whole photo tells little."""
        return self.faces > 1 or 0 < self.largest < SMALL_FACE


def survey_photo(limits: Limits, path: Path) -> PhotoFaces | None:
    """Decode a photo, find its faces and store nothing; None if the import would refuse it."""
    try:
        content = read_bytes(path, limits)
        _, upright = decode_upright(content, limits)
    except RefusedImageError:
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    if min(upright.size) < SMALLEST_SIDE:
        return PhotoFaces(sha256, 0, 0.0)
    from annotator.imaging.detector import find_faces  # noqa: PLC0415 - small photos never need it

    upright.thumbnail((VIEW_SIDE, VIEW_SIDE), Image.Resampling.LANCZOS)
    faces = find_faces(upright)
    largest = faces[0].box.height / min(upright.size) if faces else 0.0
    return PhotoFaces(sha256, len(faces), largest)
