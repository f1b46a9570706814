"""The raw files of the coursework's tool: AU_video.txt with the answers, image_names.txt with the images.

A line of AU_video.txt is `k: N/A` or `k: false,v,false,v,…`; the first six values answer `ATTRIBUTES`. The labelled lines
belong, in their order, to the images in the natural order of their names. tools/coursework_csv reads the tool's
annotations.csv.
"""

from __future__ import annotations

import re
from pathlib import Path

from annotator.domain.plurals import counted
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import account_for, list_folder, unique_names
from annotator.text_encoding import decode_text

ATTRIBUTES = ("wrinkles", "freckles", "glasses", "hair_color", "hair_top", "not_human")
"""The attributes that the values answer, in their order."""

_ANSWERS, _NAMES = "AU_video.txt", "image_names.txt"


def recognise(path: Path) -> bool:
    """Return whether the path is a folder with both files, or AU_video.txt beside image_names.txt."""
    folder = path if path.is_dir() else path.parent
    return (path.is_dir() or path.name == _ANSWERS) and all(
        (folder / name).is_file() for name in (_ANSWERS, _NAMES)
    )


def read(path: Path) -> SourceContents:
    """Read both files, and of a folder also the images in and below it.

    Raises:
        FacelabelError: if the numbers of labelled lines and images differ, or a line has another form.
    """
    folder = path if path.is_dir() else path.parent
    names = sorted(filter(None, map(str.strip, _text(folder / _NAMES).splitlines())), key=_natural)
    labelled = [line for line in enumerate(_text(folder / _ANSWERS).splitlines(), 1) if _is_labelled(line[1])]
    if len(labelled) != len(names):
        raise _bad(
            folder / _ANSWERS,
            f"it labels {counted(len(labelled), 'image', 'images')}, and {_NAMES} has {len(names)}",
        )
    contents = SourceContents(coded=True)
    for name, (number, line) in zip(names, labelled, strict=True):
        cells = line.partition(":")[2].split(",")
        if len(cells) < 2 * len(ATTRIBUTES):
            raise _bad(folder / _ANSWERS, f"line {number} has {len(cells)} fields")
        for attribute, value in zip(ATTRIBUTES, cells[1::2], strict=False):
            if value.strip():
                contents.answers.append(SourceAnswer(name, attribute, value.strip()))
    if path.is_dir():
        listing = list_folder(folder)
        names_of = unique_names(folder, listing.images)
        contents.images = [SourceImage(name, image) for image, name in names_of.items()]
        account_for(contents, listing, [folder / _ANSWERS, folder / _NAMES])
        if unnamed := {image.name for image in listing.images} - set(names):
            contents.notes.append(
                f"{counted(len(unnamed), 'image is', 'images are')} not in {_NAMES}, and imported without labels."
            )
    return contents


def _is_labelled(line: str) -> bool:
    return bool(line.strip()) and line.partition(":")[2].strip() != "N/A"


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """A sort key that compares numbers inside names as numbers: 2 before 10."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r"([0-9]+)", name.casefold())
    ]


def _text(path: Path) -> str:
    try:
        return decode_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_coursework",
        f"{path} cannot be read as a file of the coursework's tool: {what}.",
        do="Keep both files as the tool wrote them.",
    )
