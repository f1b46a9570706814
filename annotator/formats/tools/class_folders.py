"""Class folders as torchvision's ImageFolder reads them: one tree per attribute, a folder per value.

Several attributes are ROOT/ATTRIBUTE/VALUE/image.jpg, and an image may be in several trees; one attribute is
ATTRIBUTE/VALUE/image.jpg. Files are written as hard links where the file system allows it. ImageFolder numbers the
classes alphabetically: its numbers are not our codes, and an added class changes them. A value's name that cannot be the
name of a folder is percent-encoded as in a URL: `n/a` is `n%2Fa`.
"""

from __future__ import annotations

import re
from pathlib import Path

from annotator.formats.exporters.base import Export, Losses, cannot_say, safe_name
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.safe_readers import refuse
from annotator.imaging.image_files import EXTENSIONS

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
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink())
    if folders and all(any(child.is_dir() for child in folder.iterdir()) for folder in folders):
        return [folder.name for folder in folders]
    return [path.resolve().name] if folders else []


def read(path: Path) -> SourceContents:
    """Read all images; an image below the folder of a value has that value.

    An image's name is its path below the value, so that trees share images. If one tree has such a name twice, every
    image's name is its whole path instead, and no images are shared.

    Raises:
        FacelabelError: if the path is not a folder.
    """
    if not path.is_dir():
        refuse(path, "it is not a folder")
    names = trees(path)
    roots = [path] if names == [path.resolve().name] else [path / name for name in names]
    placed = [
        (name, _value(value.name), image.relative_to(value).as_posix(), image)
        for name, root in zip(names, roots, strict=True)
        for value in sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink())
        for image in sorted(value.rglob("*"))
        if image.suffix.lower() in EXTENSIONS and image.is_file()
    ]
    shared = len({(tree, own) for tree, _, own, _ in placed}) == len(placed)
    contents = SourceContents()
    images: dict[str, SourceImage] = {}
    for tree, value, own, image in placed:
        whole = image.relative_to(path).as_posix()
        name = own if shared else whole
        images.setdefault(name, SourceImage(name, image, original_path=whole))
        contents.answers.append(SourceAnswer(name, tree, value))
    contents.images = list(images.values())
    take_rest(
        contents,
        path,
        [image for *_, image in placed],
        lambda rest: rest.relative_to(path).as_posix(),
        "are in no value's folder",
    )
    return contents


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
