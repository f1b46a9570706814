"""The files of a folder, so that a reader can say what became of every one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from annotator.formats.importers.base import Foreign, ForeignImage
from annotator.imaging.image_files import EXTENSIONS


def walk_files(folder: Path) -> Iterator[Path]:
    """All files below a folder in a fixed order; links to folders are not followed."""
    for current, folders, names in os.walk(folder):
        folders.sort()
        here = Path(current)
        for name in sorted(names):
            yield here / name


def take_rest(
    found: Foreign, folder: Path, read: Iterable[Path], name: Callable[[Path], str], why: str
) -> None:
    """Let the images of a folder that a format does not speak of come in without labels, and count its other files.

    Args:
        found: to which they are added, with a note.
        folder: what the format was read from.
        read: the files of the format itself.
        name: what such an image is called.
        why: why they have no labels, as "… of its images stand in no row".
    """
    known = {image.path for image in found.images} | set(read)
    rest = [path for path in walk_files(folder) if path not in known]
    images = [path for path in rest if path.suffix.lower() in EXTENSIONS]
    found.images += [ForeignImage(name(path), path) for path in images]
    found.left_aside += len(rest) - len(images)
    if images:
        first = ", ".join(path.relative_to(folder).as_posix() for path in images[:3])
        more = ", …" if len(images) > 3 else ""
        found.notes.append(f"{len(images)} of its images {why}; they come in without labels: {first}{more}")
