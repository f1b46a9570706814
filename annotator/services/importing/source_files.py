"""The image files that a user names, one by one or as folders, before any of them is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from annotator.errors import WrongUse
from annotator.formats.importers.base import SourceFace
from annotator.formats.importers.folder_files import walk_files
from annotator.imaging.image_files import EXTENSIONS


@dataclass(frozen=True)
class SourceFile:
    """An image file to import.

    Args:
        path: where its bytes are.
        name: the image's name, unless another image has that name already.
        source_name: the folder, archive or video that it came from.
        group: images of one group share a split; "" if the source names no group.
        original_path: the name at the source, if it differs from `name`.
        face: the face in it, if the source describes one.
    """

    path: Path
    name: str
    source_name: str
    group: str = ""
    original_path: str = ""
    face: SourceFace | None = None


@dataclass(frozen=True)
class ImageListing:
    """All files below some paths: `files` are images, `refused` are (name, reason), `ignored` counts the others."""

    files: list[SourceFile]
    refused: list[tuple[str, str]]
    ignored: int


def list_images(paths: list[Path]) -> ImageListing:
    """List the image files below folders (recursively) and those named one by one.

    Raises:
        WrongUse: if a path does not exist.
    """
    files: list[SourceFile] = []
    refused: list[tuple[str, str]] = []
    ignored = 0
    for root, path in _walk(paths):
        name = path.relative_to(root).as_posix()
        if not _is_image(path):
            ignored += 1
        elif not _is_utf8(name):
            printable = name.encode(errors="surrogateescape").decode(errors="replace")
            refused.append((printable, "has a name that is not UTF-8; rename it"))
        else:
            files.append(SourceFile(path, name, root.resolve().name))
    return ImageListing(files, refused, ignored)


def require_images(paths: list[Path]) -> None:
    """Check that there is at least one image file, before anything is created for it.

    Raises:
        WrongUse: if a path does not exist, or no path holds an image file.
    """
    if not any(
        _is_image(path) and _is_utf8(path.relative_to(root).as_posix()) for root, path in _walk(paths)
    ):
        raise WrongUse(
            "no_images",
            f"There is no image file in {', '.join(map(str, paths))}.",
            do=f"Name a folder with images. Image files end in {', '.join(sorted(EXTENSIONS))}.",
        )


def _walk(paths: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Every file with the folder that its name is relative to."""
    for path in paths:
        if path.is_dir():
            yield from ((path, file) for file in walk_files(path))
        elif path.is_file():
            yield path.parent, path
        else:
            raise WrongUse("no_source", f"{path} does not exist.", do="Name a folder or a file that exists.")


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
