"""Cutting a photo into one upright image per head, without the photo's metadata."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from annotator.domain.faces.boxes import Box, head_box, turned_back
from annotator.files import require_room, shard_path, write_atomically
from annotator.imaging.detector import FoundFace, find_faces, scale_face, turn_image
from annotator.imaging.image_files import (
    MAX_ASPECT,
    MIN_SIDE,
    VIEW_SIDE,
    Header,
    Limits,
    RefusedImageError,
    decode_upright,
    read_bytes,
    read_image,
)
from annotator.imaging.image_store import StoredImage

_QUALITY = 95


@dataclass(frozen=True)
class Cut:
    """An image that was cut from a photo and is in the store.

    Args:
        stored: the image.
        box: its place in the photo, in pixels of the upright photo.
        turn: degrees by which it was turned clockwise to be upright.
        face: its face, in pixels of the image; None if the photo has no face and the image is the whole photo.
    """

    stored: StoredImage
    box: Box
    turn: int
    face: FoundFace | None


@dataclass(frozen=True)
class CutPhoto:
    """A photo that is in the store, the images cut from it, largest face first, and what was unusual about its file."""

    sha256: str
    extension: str
    cuts: list[Cut]
    notes: tuple[str, ...]


def cut_photo(photos: Path, images: Path, views: Path, limits: Limits, path: Path) -> CutPhoto | str:
    """Store a photo unchanged, and each head in it as an image; return the reason if the photo is refused.

    Args:
        photos: the folder that takes in photos, which are never served or exported.
        images: the folder that takes in image files.
        views: the folder that takes in views.
        limits: photos beyond them are refused before they are decoded.
        path: the photo.
    """
    try:
        content = read_bytes(path, limits)
        require_room(images.parent, 2 * len(content), limits.reserve_bytes)
        header, upright = decode_upright(content, limits)
        cuts = [_cut(images, views, limits, upright, face) for face in _heads(upright)]
    except RefusedImageError as refusal:
        return str(refusal)
    sha256 = hashlib.sha256(content).hexdigest()
    photo = shard_path(photos, sha256, header.extension)
    if not photo.exists():
        write_atomically(photo, content)
    return CutPhoto(sha256, header.extension, cuts, header.notes)


def _heads(upright: Image.Image) -> list[FoundFace | None]:
    """The faces whose crops are large enough to be images; [None], for the whole photo, if there are none."""
    scale = min(1.0, VIEW_SIDE / max(upright.size))  # a copy of a large photo would be as large
    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
    small = upright.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    faces = [scale_face(face, small.size, upright.size) for face in find_faces(small)]
    usable: list[FoundFace | None] = []
    for face in faces:
        box = _head_box(upright, face)
        if min(box.width, box.height) >= MIN_SIDE and max(box.width, box.height) <= MAX_ASPECT * min(
            box.width, box.height
        ):
            usable.append(face)
    return usable or [None]


def _head_box(upright: Image.Image, face: FoundFace) -> Box:
    size = upright.size if face.turn in {0, 180} else upright.size[::-1]
    return head_box(face.box, face.points, *size)


def _cut(images: Path, views: Path, limits: Limits, upright: Image.Image, face: FoundFace | None) -> Cut:
    if face is None:
        whole = Box(0, 0, *upright.size)
        return Cut(_store(images, views, limits, upright), whole, 0, None)
    box = _head_box(upright, face)
    in_photo = turned_back(box, face.turn, *upright.size)
    stored = _store(images, views, limits, turn_image(upright.crop(in_photo), face.turn))
    return Cut(stored, in_photo, face.turn, _moved(face, box))


def _moved(face: FoundFace, origin: Box) -> FoundFace:
    """The face in pixels of the crop `origin`, as an upright face."""
    left, top = origin.left, origin.top
    box = Box(face.box.left - left, face.box.top - top, face.box.right - left, face.box.bottom - top)
    return replace(face, turn=0, box=box, points=[[x - left, y - top] for x, y in face.points])


def _store(images: Path, views: Path, limits: Limits, image: Image.Image) -> StoredImage:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY)
    content = encoded.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    file, view = shard_path(images, sha256, "jpg"), shard_path(views, sha256, "jpg")
    if not (file.exists() and view.exists()):
        _, rendered = read_image(content, limits)
        write_atomically(file, content)
        write_atomically(view, rendered)
    return StoredImage(sha256, Header("jpg", *image.size))
