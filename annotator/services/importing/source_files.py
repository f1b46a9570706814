"""The image files that a user names, one by one or as folders, before any of them is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from annotator.errors import FacelabelError, WrongUse
from annotator.formats.import_formats import format_list
from annotator.formats.importers.base import SourceFace
from annotator.formats.importers.folder_files import is_image, is_utf8, list_folder, walk_images
from annotator.formats.importers.ignored_files import IgnoredFiles, counted_kinds, read_head
from annotator.formats.unread_formats import describe_kinds, describe_unread
from annotator.imaging.image_kinds import IMAGE_ENDINGS


@dataclass(frozen=True)
class SourceFile:
    """An image file to import.

    Args:
        path: where its bytes are.
        name: the image's name, unless another image has that name already.
        source_name: the folder, archive or video that it came from.
        group: images of one group share a split; "" if the source names no group.
        original_path: the name at the source, if it differs from `name`.
        faces: the faces in it that the source describes, largest first.
    """

    path: Path
    name: str
    source_name: str
    group: str = ""
    original_path: str = ""
    faces: tuple[SourceFace, ...] = ()


@dataclass
class ImageListing:
    """All files below some paths, each in exactly one of the first three fields.

    Args:
        files: the images.
        refused: (name, reason) of files and folders that cannot be imported.
        ignored: the other files.
        found: the number of all files.
        notes: what the user should know, in whole sentences.
    """

    files: list[SourceFile] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    ignored: IgnoredFiles = field(default_factory=IgnoredFiles)
    found: int = 0
    notes: list[str] = field(default_factory=list)


def list_images(paths: list[Path]) -> ImageListing:
    """List the image files below folders (recursively) and those named one by one.

    Raises:
        WrongUse: if a path does not exist.
    """
    listing = ImageListing()
    for path in paths:
        if path.is_dir():
            _list_folder(path, listing)
        elif path.exists():
            _list_file(path, listing)
        else:
            raise _no_source(path)
    return listing


def require_images(paths: list[Path]) -> None:
    """Check that there is at least one image file, before anything is created for it.

    Raises:
        WrongUse: if a path does not exist, or no path holds an image file; the error says what is there instead.
    """
    for path in paths:
        if not path.exists():
            raise _no_source(path)
    if any(next(walk_images(path), None) if path.is_dir() else is_image(path) for path in paths):
        return
    for path in paths:
        if path.is_file() and (unread := describe_unread(path)):
            raise WrongUse("unread_format", f"{path} is {unread.what}, which is not read.", do=unread.do)
    listing = list_images(paths)
    held = counted_kinds(listing.ignored.counts)
    advice = [text for text in listing.ignored.advice.values() if text]
    raise WrongUse(
        "no_images",
        f"There is no image file in {', '.join(map(str, paths))}" + (f", only {held}." if held else "."),
        do=" ".join(
            [
                *advice,
                f"Name a folder with images. Image files end in {', '.join(sorted(IMAGE_ENDINGS))}.",
                f"Labels are read from {format_list()}.",
            ]
        ),
    )


def _no_source(path: Path) -> FacelabelError:
    return WrongUse("no_source", f"{path} does not exist.", do="Name a folder or a file that exists.")


def _list_folder(folder: Path, listing: ImageListing) -> None:
    inside = list_folder(folder)
    source = folder.resolve().name
    listing.files += [SourceFile(path, inside.name(path), source) for path in inside.images]
    listing.refused += inside.refused
    ignored = inside.ignored()
    describe_kinds(ignored, inside.others)
    listing.ignored.update(ignored)
    listing.found += inside.found
    listing.notes += inside.notes


def _list_file(path: Path, listing: ImageListing) -> None:
    listing.found += 1
    if not is_utf8(path.name):
        printable = path.name.encode(errors="surrogateescape").decode(errors="replace")
        listing.refused.append((printable, "has a name that is not UTF-8; rename it"))
    elif not path.is_file():
        listing.refused.append((path.name, "is not a regular file"))
    elif is_image(path):
        listing.files.append(SourceFile(path, path.name, path.parent.resolve().name))
    else:
        listing.ignored.add(Path(path.name), read_head(path))
        if unread := describe_unread(path):
            listing.notes.append(
                f"{path.name} was ignored: it is {unread.what}, which is not read. {unread.do}"
            )
