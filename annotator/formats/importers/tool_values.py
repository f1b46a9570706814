"""Names of images and values of labels as other tools' JSON writes them.

Names are paths of another machine: they are looked for in the imported folder only, never opened as they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.formats.importers.base import SourceAnswer, SourceImage
from annotator.formats.importers.safe_readers import plain_text, refuse
from annotator.imaging.image_kinds import IMAGE_ENDINGS


def referenced_name(path: Path, where: str, value: object) -> str:
    """Return an image's name from a path on any machine: with `/` between folders, without a drive, `.` and leading `..`.

    Raises:
        FacelabelError: if it is not a text, or names no file.
    """
    text = plain_text(path, where, value, "the image's name").replace("\\", "/")
    parts = [part for part in re.sub("^[A-Za-z]:", "", text).split("/") if part not in {"", "."}]
    while ".." in parts:
        position = parts.index("..")
        del parts[max(0, position - 1) : position + 1]
    if not parts:
        refuse(path, f"the image's name {text[:60]!r} names no file", where)
    return "/".join(parts)


def find_image(root: Path, folders: list[Path], name: str) -> SourceImage:
    """Return the image file in one of the folders that has this name, named relative to `root`; else only the name.

    Args:
        root: the folder that is imported.
        folders: the folders below it that names may be relative to, likeliest first.
        name: an image's name, as `referenced_name` gives it.
    """
    for folder in folders:
        relative = Path(os.path.normpath(folder.relative_to(root) / name))
        if ".." not in relative.parts and _is_file(root / relative):
            return SourceImage(relative.as_posix(), root / relative)
    return SourceImage(name)


def find_by_stem(root: Path, folder: Path, stem: str) -> SourceImage | None:
    """Return the image file in a folder that has this name but for its ending, named relative to `root`."""
    relative = PurePosixPath(stem)
    if relative.is_absolute() or ".." in relative.parts or not relative.name:
        return None
    for ending in sorted(IMAGE_ENDINGS):
        for form in (ending, ending.upper()):
            file = folder / relative.with_name(relative.name + form)
            if _is_file(file):
                return SourceImage(file.relative_to(root).as_posix(), file)
    return None


def answer(path: Path, where: str, image: str, attribute: str, value: object) -> SourceAnswer | None:
    """Return an answer of a JSON value; None if it is empty or not a single value. True is yes, false is no.

    Raises:
        FacelabelError: if the attribute's name or the value is not a text that can be kept.
    """
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if not isinstance(value, str | int | float) or value == "":
        return None
    name = plain_text(path, where, attribute, "an attribute's name")
    text = plain_text(path, where, value, name or "a label")
    return SourceAnswer(image, name, None if text == CANNOT_TELL_NAME else text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # such as a name that is too long
        return False
