"""The files of a folder, so that a reader can account for every one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from annotator.formats.importers.base import SourceContents, SourceImage
from annotator.imaging.image_files import EXTENSIONS


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder in a fixed order; links to folders are not followed."""
    for current, folders, names in os.walk(folder):
        folders.sort()
        here = Path(current)
        for name in sorted(names):
            yield here / name


def take_rest(
    contents: SourceContents, folder: Path, read: Iterable[Path], name: Callable[[Path], str], why: str
) -> None:
    """Add the images of a folder that its format does not mention, without labels, and count the other files as ignored.

    Args:
        contents: what the format's reader found; images and a note are added to it.
        folder: the folder.
        read: the files that the format's reader has read.
        name: gives the image name of a file.
        why: why these images have no labels, as in "3 of its images are in no row".
    """
    accounted = {image.path for image in contents.images} | set(read)
    rest = [path for path in walk_files(folder) if path not in accounted]
    images = [path for path in rest if path.suffix.lower() in EXTENSIONS]
    contents.images += [SourceImage(name(path), path) for path in images]
    contents.ignored += len(rest) - len(images)
    if images:
        first = ", ".join(path.relative_to(folder).as_posix() for path in images[:3])
        more = ", …" if len(images) > 3 else ""
        contents.notes.append(
            f"{len(images)} of its images {why}; they are imported without labels: {first}{more}"
        )
