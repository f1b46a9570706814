"""Class folders as torchvision's ImageFolder reads them: a folder per value, one tree per attribute.

ROOT/ATTRIBUTE/VALUE/image.jpg for several attributes (an image may stand in several trees), or ATTRIBUTE/VALUE/image.jpg
when the tree itself is named. Never recognised by itself unless `attributes` of the schema are the folders' names.
"""

from __future__ import annotations

from pathlib import Path

from annotator.formats.foreign import Foreign, ForeignAnswer, ForeignImage
from annotator.formats.image_files import EXTENSIONS
from annotator.formats.reading import refuse


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
    """Every image below the value folders.

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
        (name, value.name, image.relative_to(value).as_posix(), image)
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
    return foreign
