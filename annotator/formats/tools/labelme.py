"""labelme and X-AnyLabeling: a JSON per image with flags of the image, and shapes with labels, flags and attributes.

A flag answers the attribute of its name with yes or no; a flag `attribute: value` or `attribute=value` that is set answers
the attribute with the value. The label of a shape is a flat label of the whole image.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

from annotator.domain.plurals import counted
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import list_folder, take_rest
from annotator.formats.importers.json_members import read_json_members, sample_members
from annotator.formats.importers.safe_readers import refuse
from annotator.formats.importers.tool_values import answer, find_by_stem, find_image, referenced_name

_KEYS = {"version", "flags", "shapes", "imageData", "imageHeight", "imageWidth"}
_NAMED_VALUE = re.compile(r"\s*([^:=]*[^:=\s])\s*[:=]\s*(.*\S)\s*")
_LOOKED_AT = 3  # JSON files of a folder by which it is recognised


def recognise(path: Path) -> bool:
    """Return whether the path is a JSON file of labelme, or a folder with such files in itself or its folders."""
    if not path.is_dir():
        return path.suffix.lower() == ".json" and _is_labelme(path)
    folders = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir())]
    return any(_is_labelme(file) for folder in folders for file in islice(folder.glob("*.json"), _LOOKED_AT))


def read(path: Path) -> SourceContents:
    """Read a file, or all files in and below a folder and the images there. A bad file of a folder is refused by name.

    Raises:
        FacelabelError: if a single file cannot be read.
    """
    contents = SourceContents()
    if not path.is_dir():
        shapes = _read_file(path, None, contents)
        _note_shapes(shapes, contents)
        return contents
    shapes, files = 0, []
    for file in (file for file in list_folder(path).others if file.suffix.lower() == ".json"):
        try:
            shapes += _read_file(file, path, contents)
        except FacelabelError as error:
            if not _is_labelme(file):
                continue  # another file: it counts as ignored
            contents.refused.append((file.relative_to(path).as_posix(), _clause(file, error)))
        files.append(file)
    _note_shapes(shapes, contents)
    take_rest(
        contents, path, files, lambda rest: rest.relative_to(path).as_posix(), "have no file of labelme"
    )
    return contents


def _is_labelme(path: Path) -> bool:
    keys = {key for key, _, _ in sample_members(path)}
    return "imagePath" in keys and bool(keys & _KEYS)


def _clause(file: Path, error: FacelabelError) -> str:
    """An error about a file as a clause after its name."""
    return error.what.removeprefix(f"{file} ").rstrip(".")


def _note_shapes(shapes: int, contents: SourceContents) -> None:
    if shapes:
        contents.notes.append(
            f"{counted(shapes, 'shape was read as a label', 'shapes were read as labels')} of the whole image."
        )


def _read_file(path: Path, root: Path | None, contents: SourceContents) -> int:
    """Read the file of one image; return the number of its shapes."""
    image_path: object = None
    flags: list[tuple[str, object]] = []
    shapes: list[dict[str, Any]] = []
    for key, member, value in read_json_members(path, skipped={"imageData"}):
        if key == "imagePath" and member is None:
            image_path = value
        elif key == "flags" and member is not None:
            flags.append((member, value))
        elif key == "shapes" and member is None:
            if not isinstance(value, dict):
                refuse(path, "a shape is not an object")
            shapes.append(value)
    if image_path is None:
        refuse(path, "it has no imagePath, so it is not a file of labelme")
    image = _image(path, root, referenced_name(path, "imagePath", image_path))
    contents.images.append(image)
    answers = [_flag(path, image.name, name, value) for name, value in flags]
    for number, shape in enumerate(shapes, start=1):
        where = f"shape {number}"
        answers.append(answer(path, where, image.name, "", shape.get("label")))
        for name, value in _members(shape.get("flags")):
            answers.append(_flag(path, image.name, name, value))
        for name, value in _members(shape.get("attributes")):
            answers.append(answer(path, where, image.name, name, value))
    contents.answers += dict.fromkeys(one for one in answers if one is not None)
    return len(shapes)


def _members(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _image(path: Path, root: Path | None, name: str) -> SourceImage:
    """The image that a file belongs to: where the file says, or else the one beside it that is named alike."""
    if root is None:
        return SourceImage(name)
    found = find_image(root, [path.parent], name)
    return found if found.path is not None else find_by_stem(root, path.parent, path.stem) or found


def _flag(path: Path, image: str, name: str, value: object) -> SourceAnswer | None:
    named = _NAMED_VALUE.fullmatch(name)
    if named is None or not isinstance(value, bool):
        return answer(path, "flags", image, name, value)
    return answer(path, "flags", image, *named.groups()) if value else None
