"""Class folders as torchvision's ImageFolder reads them: a folder per value, one tree per attribute.

ROOT/ATTRIBUTE/VALUE/image.jpg for several attributes (an image may stand in several trees), or ATTRIBUTE/VALUE/image.jpg
when the tree itself is named. Written files are hard links where the file system allows it. ImageFolder numbers the
classes by the alphabet, so its numbers are not our codes, and an added class moves them. A value's name that cannot be the
name of a folder is written as in an address: `n/a` is `n%2Fa`.
"""

from __future__ import annotations

import re
from pathlib import Path

from annotator.formats.exporters.base import Export, Losses, cannot_say, safe_name
from annotator.formats.importers.base import Foreign, ForeignAnswer, ForeignImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.safe_readers import refuse
from annotator.imaging.image_files import EXTENSIONS

_LONGEST = 255  # bytes of a file's name on Linux and macOS
_ESCAPED = {"%2F": "/", "%00": "\0", "%2E": ".", "%25": "%"}
_ESCAPES = {character: escape for escape, character in _ESCAPED.items()}
_AN_ESCAPE = re.compile("|".join(_ESCAPED))
_NO_FOLDER_NAME = re.compile(rf"[/\0]|^\.|%(?={'|'.join(escape[1:] for escape in _ESCAPED)})")


def recognise(path: Path) -> bool:
    """Never: folders of people or of holidays look the same. The import asks `trees` with the schema's attributes."""
    del path
    return False


def trees(path: Path) -> list[str]:
    """The names of the trees in a folder: of its sub-folders if images lie two folders down, else its own; [] if neither."""
    if not path.is_dir():
        return []
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink())
    if folders and all(any(child.is_dir() for child in folder.iterdir()) for folder in folders):
        return [folder.name for folder in folders]
    return [path.resolve().name] if folders else []


def read(path: Path) -> Foreign:
    """Every image; those below a value's folder have that value.

    An image is named by its path below its value, so that trees share images; if one tree has such a name twice, names
    are not shared and each image is named by its whole path.

    Raises:
        FacelabelError: if it is no folder.
    """
    if not path.is_dir():
        refuse(path, "it is not a folder")
    names = trees(path)
    roots = [path] if names == [path.resolve().name] else [path / name for name in names]
    found = [
        (name, _value(value.name), image.relative_to(value).as_posix(), image)
        for name, root in zip(names, roots, strict=True)
        for value in sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink())
        for image in sorted(value.rglob("*"))
        if image.suffix.lower() in EXTENSIONS and image.is_file()
    ]
    shared = len({(tree, own) for tree, _, own, _ in found}) == len(found)
    foreign = Foreign()
    images: dict[str, ForeignImage] = {}
    for tree, value, own, image in found:
        whole = image.relative_to(path).as_posix()
        called = own if shared else whole
        images.setdefault(called, ForeignImage(called, image, original_path=whole))
        foreign.answers.append(ForeignAnswer(called, tree, value))
    foreign.images = list(images.values())
    placed = [image for *_, image in found]
    take_rest(
        foreign, path, placed, lambda rest: rest.relative_to(path).as_posix(), "lie in no value's folder"
    )
    return foreign


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
                losses.add(f"can't tell of {column}, which is no class", image.name)
            else:
                value = _folder_name(column, names[column, image.labels[column]])
                export.put_image(image, folder / column / value / image.name, always=True)
    return losses


def _folder_name(attribute: str, value: str) -> str:
    name = _NO_FOLDER_NAME.sub(lambda found: _ESCAPES[found[0]], value)
    if len(name.encode()) > _LONGEST:
        raise cannot_say(
            "A class folder", f"the value {value!r} of {attribute} is too long for a folder's name"
        )
    return name


def _value(folder_name: str) -> str:
    return _AN_ESCAPE.sub(lambda found: _ESCAPED[found[0]], folder_name)
