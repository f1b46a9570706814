"""CelebA: a folder with images and lists of attributes, identities, partitions; as text or with commas.

Landmarks and boxes (list_landmarks_align_celeba, list_bbox_celeba) are known and left aside: faces are found anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.formats.foreign import Foreign, ForeignAnswer, ForeignImage
from annotator.formats.image_files import EXTENSIONS
from annotator.formats.reading import refuse

_SPLITS = {"0": "train", "1": "val", "2": "test"}
_VALUES = {"1": "yes", "-1": "no", "0": "no"}


def recognise(path: Path) -> bool:
    """Whether it is a folder with CelebA's lists, or one of the lists."""
    if path.is_dir():
        return any(_find(path, kind) for kind in ("list_attr_celeba", "identity_CelebA"))
    return path.suffix in {".txt", ".csv"} and path.stem in {"list_attr_celeba", "identity_CelebA"}


def read(path: Path) -> Foreign:
    """Read the lists in a folder, and the images below it; 40 attributes with the values yes and no, and identity.

    Raises:
        FacelabelError: if a list cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    foreign = Foreign()
    attributes = _find(folder, "list_attr_celeba") if path.is_dir() else _only(path, "list_attr_celeba")
    people = _find(folder, "identity_CelebA") if path.is_dir() else _only(path, "identity_CelebA")
    if not path.is_dir() and not attributes and not people:
        refuse(path, "it is neither a folder of CelebA nor one of its lists")
    if attributes:
        _read_attributes(attributes, foreign)
    if people:
        foreign.answers += [ForeignAnswer(name, "identity", person) for name, person in _pairs(people)]
    if path.is_dir():
        partition = _find(folder, "list_eval_partition")
        splits = dict(_pairs(partition)) if partition else {}
        foreign.images = [
            ForeignImage(image.name, image, split=_SPLITS.get(splits.get(image.name, ""), ""))
            for image in sorted(folder.rglob("*"))
            if image.suffix.lower() in EXTENSIONS
        ]
    return foreign


def _find(folder: Path, stem: str) -> Path | None:
    places = [folder, folder / "Anno", folder / "Eval", folder.parent] if folder.name.startswith("img_") else [
        folder, folder / "Anno", folder / "Eval"
    ]  # fmt: skip
    found = (place / f"{stem}{ending}" for place in places for ending in (".txt", ".csv"))
    return next((file for file in found if file.is_file()), None)


def _only(path: Path, stem: str) -> Path | None:
    return path if path.stem == stem else None


def _read_attributes(path: Path, foreign: Foreign) -> None:
    lines = _lines(path)
    _, first = next(lines, (0, []))
    if len(first) == 1 and first[0].isdigit():  # the number of images
        _, first = next(lines, (0, []))
    names = first[1:] if first and first[0].lower() in {"image_id", "image", "filename"} else first
    if not names:
        raise _bad(path, "it has no line with the attributes' names")
    for number, cells in lines:
        if len(cells) != len(names) + 1:
            raise _bad(path, f"line {number} has {len(cells) - 1} values for {len(names)} attributes")
        for name, value in zip(names, cells[1:], strict=True):
            if value not in _VALUES:
                raise _bad(path, f"line {number} has the value {value[:20]!r}, which is neither 1 nor -1")
            foreign.answers.append(ForeignAnswer(cells[0], name, _VALUES[value]))


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Lines of an image's name and one value; a header is skipped."""
    for number, cells in _lines(path):
        if len(cells) != 2:
            raise _bad(path, f"line {number} is no image and value")
        if cells[0].lower() not in {"image_id", "image", "filename"}:
            yield cells[0], cells[1]


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                cells = [cell for cell in re.split(r"[,\s]+", line.strip()) if cell]
                if cells:
                    yield number, cells
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_celeba", f"{path} cannot be read as a list of CelebA: {what}.", do="Fetch the file again."
    )
