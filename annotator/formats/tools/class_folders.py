"""Class folders as torchvision's ImageFolder reads them: one tree per attribute, a folder per value.

Several attributes are ROOT/ATTRIBUTE/VALUE/image.jpg, and an image may be in several trees; one attribute is
ATTRIBUTE/VALUE/image.jpg. Files are written as hard links where the file system allows it. ImageFolder numbers the
classes alphabetically: its numbers are not our codes, and an added class changes them. A value's name that cannot be the
name of a folder is percent-encoded as in a URL: `n/a` is `n%2Fa`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from annotator.domain.plurals import counted
from annotator.formats.exporters.base import Export, Losses, cannot_say, safe_name
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import FolderListing, list_folder
from annotator.formats.importers.ignored_files import is_system_folder
from annotator.formats.importers.safe_readers import refuse

_LONGEST = 255  # bytes of a file's name on Linux and macOS
_ESCAPED = {"%2F": "/", "%00": "\0", "%2E": ".", "%25": "%"}
_ESCAPES = {character: escape for escape, character in _ESCAPED.items()}
_AN_ESCAPE = re.compile("|".join(_ESCAPED))
_NO_FOLDER_NAME = re.compile(rf"[/\0]|^\.|%(?={'|'.join(escape[1:] for escape in _ESCAPED)})")


def recognise(path: Path) -> bool:
    """Return False: any folder of folders looks like this. The import compares `trees` with the schema's attributes."""
    del path
    return False


def trees(path: Path) -> list[str]:
    """Return the names of the trees in a folder.

    These are its sub-folders if each of them holds folders, else the folder itself; [] if it has no sub-folders.
    """
    if not path.is_dir():
        return []
    folders = _folders(path)
    if folders and all(_folders(folder) for folder in folders):
        return [folder.name for folder in folders]
    return [path.resolve().name] if folders else []


def read(path: Path) -> SourceContents:
    """Read all images; an image below the folder of a value has that value.

    An image's name is its path below the value, so that trees share images. Files of that name with different bytes are
    different images: each then has its whole path as its name.

    Raises:
        FacelabelError: if the path is not a folder.
    """
    if not path.is_dir():
        refuse(path, "it is not a folder")
    listing = list_folder(path, masks_are_images=True)
    placed, rest = _placed(listing, trees(path))
    by_name: dict[str, list[_Placed]] = {}
    for image in placed:
        by_name.setdefault(image.name, []).append(image)
    contents = SourceContents(
        [SourceImage(listing.name(image), image) for image in rest],
        refused_files=listing.refused,
        notes=listing.notes,
        ignored=listing.ignored(),
        found=listing.found,
    )
    used = {image.name for image in contents.images}
    for name, images in by_name.items():
        _add_images(contents, name, images, used)
    if rest:
        first = ", ".join(listing.name(image) for image in rest[:3])
        more = ", …" if len(rest) > 3 else ""
        contents.notes.append(
            f"{counted(len(rest), 'image is', 'images are')} in no value's folder, and imported without labels: {first}{more}"
        )
    return contents


def folder_answers(folder: Path) -> list[SourceAnswer]:
    """Return what `read` would answer, about images named by their path in the folder; no file is opened.

    They show what the names of the folders are, before it is known whether they are values at all.
    """
    placed, _ = _placed(list_folder(folder, masks_are_images=True), trees(folder))
    return [SourceAnswer(image.whole, image.tree, image.value) for image in placed]


@dataclass(frozen=True)
class _Placed:
    """An image file in the folder of a value. `name`: its path below that folder; `whole`: below the source."""

    path: Path
    tree: str
    value: str
    name: str
    whole: str


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not is_system_folder(entry.name))


def _placed(listing: FolderListing, names: list[str]) -> tuple[list[_Placed], list[Path]]:
    """The images in folders of values, and all others."""
    is_one_tree = names == [listing.folder.resolve().name]
    placed, rest = [], []
    for image in listing.images:
        parts = image.relative_to(listing.folder).parts
        tree, *inside = (names[0], *parts) if is_one_tree else parts
        if tree in names and len(inside) > 1:
            value, *own = inside
            placed.append(_Placed(image, tree, _value(value), "/".join(own), listing.name(image)))
        else:
            rest.append(image)
    return placed, rest


def _add_images(contents: SourceContents, name: str, placed: list[_Placed], used: set[str]) -> None:
    """Add the images of one name: one image if all files are equal, else an image for each different file."""
    different: dict[str, list[_Placed]] = {}
    for image in placed:
        different.setdefault(_content_key(image.path, placed), []).append(image)
    for copies in different.values():
        first = copies[0]
        own_name = name if len(different) == 1 and name not in used else first.whole
        used.add(own_name)
        contents.images.append(SourceImage(own_name, first.path, original_path=first.whole))
        contents.copies += [(copy.whole, own_name) for copy in copies[1:]]
        contents.answers += [SourceAnswer(own_name, copy.tree, copy.value) for copy in copies]


def _content_key(path: Path, placed: list[_Placed]) -> str:
    """Equal for files with equal bytes. Hard links need no reading, and neither does a file without namesakes."""
    if len(placed) == 1:
        return ""
    try:
        statuses = [other.path.stat() for other in placed]
        if len({(status.st_dev, status.st_ino) for status in statuses}) == 1:
            return ""
        if not path.is_file():
            return str(path)  # a pipe, which the import refuses
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # the import refuses it by name
        return str(path)


def write(folder: Path, export: Export) -> Losses:
    """Write one tree per attribute.

    Raises:
        FacelabelError: if a value's name is too long for the name of a folder.
    """
    losses = Losses()
    names, columns = export.names(), export.columns()
    for image in export.images:
        safe_name("A class folder", image.name)
        for column in columns:
            if column not in image.labels:
                losses.add(f"images without a label of {column}", image.name)
            elif image.labels[column] is None:
                losses.add(f"can't tell of {column}, which is not a class", image.name)
            else:
                value = _folder_name(column, names[column, image.labels[column]])
                export.put_image(image, folder / column / value / image.name, always=True)
    return losses


def _folder_name(attribute: str, value: str) -> str:
    name = _NO_FOLDER_NAME.sub(lambda match: _ESCAPES[match[0]], value)
    if len(name.encode()) > _LONGEST:
        raise cannot_say(
            "A class folder", f"the value {value!r} of {attribute} is too long for a folder's name"
        )
    return name


def _value(folder_name: str) -> str:
    return _AN_ESCAPE.sub(lambda match: _ESCAPED[match[0]], folder_name)
