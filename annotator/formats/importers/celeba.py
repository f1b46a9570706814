"""CelebA: a folder of images with lists of attributes, identities, partitions, landmarks and boxes, as text or CSV.

The list of attributes is recognised by its content, whatever its name: CelebAMask-HQ and others write lists of the same form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceFace, SourceImage
from annotator.formats.importers.celeba_faces import Row, find_source_faces
from annotator.formats.importers.celeba_names import ATTRIBUTES, listed_name
from annotator.formats.importers.folder_files import account_for, list_folder, unique_names
from annotator.formats.importers.safe_readers import refuse
from annotator.text_encoding import file_encoding, unicode_encoding

_ENDINGS = (".txt", ".csv")
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_VALUES = {"1": "yes", "-1": "no", "0": "no"}
_ATTRIBUTES, _IDENTITY = "list_attr_celeba", "identity_CelebA"
_PARTITION = "list_eval_partition"
_ALIGNED = "list_landmarks_align_celeba"
_WILD = ("list_bbox_celeba", "list_landmarks_celeba")  # landmarks say more, so they are read last and count
_NAMED = {"image_id", "image", "filename"}
_KNOWN_NAMES = 5  # names of CelebA's attributes in a header that make a table one of its lists
_HEAD = 2**16


def recognise(path: Path) -> bool:
    """Return whether the path is a folder with CelebA's lists, or a list of labels."""
    if path.is_dir():
        return _attribute_list(path) is not None or any(
            _find(path, kind) for kind in (_IDENTITY, _ALIGNED, *_WILD)
        )
    return path.suffix.lower() in _ENDINGS and (
        path.stem in {_ATTRIBUTES, _IDENTITY} or _lists_attributes(path)
    )


def read(path: Path) -> SourceContents:
    """Read the lists in a folder and the images below it: 40 attributes with the values yes and no, identities, faces.

    Raises:
        FacelabelError: if a list cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    contents = SourceContents()
    if path.is_dir():
        attributes, people = _attribute_list(folder), _find(folder, _IDENTITY)
    else:
        people = path if path.stem == _IDENTITY else None
        attributes = (
            path if path.stem == _ATTRIBUTES or (people is None and _lists_attributes(path)) else None
        )
        if not attributes and not people:
            refuse(path, "it is neither a folder of CelebA nor a list of its labels")
    if attributes:
        _read_attributes(attributes, contents)
    if people:
        contents.answers += [SourceAnswer(name, "identity", person) for name, person in _pairs(people)]
    if path.is_dir():
        _read_images(folder, contents)
    return contents


def _read_images(folder: Path, contents: SourceContents) -> None:
    partition = _find(folder, _PARTITION)
    splits = dict(_pairs(partition)) if partition else {}
    listing = list_folder(folder)
    images = listing.images
    faces = _read_faces(folder, images, contents)
    contents.images = [
        SourceImage(
            name,
            image,
            split=_SPLITS.get(splits.get(listed_name(image.name), ""), ""),
            faces=(faces[image],) if image in faces else (),
        )
        for image, name in unique_names(folder, images).items()
    ]
    lists = [_attribute_list(folder), *(_find(folder, s) for s in (_IDENTITY, _PARTITION, _ALIGNED, *_WILD))]
    account_for(contents, listing, filter(None, lists))


def _read_faces(folder: Path, images: list[Path], contents: SourceContents) -> dict[Path, SourceFace]:
    """The faces by image; lists that belong to other images are noted."""
    used: set[Path] = set()

    def rows(*stems: str) -> Iterator[Row]:
        for stem in stems:
            if file := _find(folder, stem):
                used.add(file)
                yield from _numbers(file, 4 if stem == "list_bbox_celeba" else 10)

    faces: dict[Path, SourceFace] = {}
    for parent, group in groupby(images, lambda image: image.parent):
        by_name, why = find_source_faces(list(group), lambda: rows(_ALIGNED), lambda: rows(*_WILD))
        faces |= {parent / name: face for name, face in by_name.items()}
        if why:
            contents.notes.append(f"The list of faces was ignored for {parent.name}: {why}.")
    for file in filter(None, (_find(folder, stem) for stem in (_ALIGNED, *_WILD))):
        if images and file not in used:
            kind = "aligned images of 178×218" if file.stem == _ALIGNED else "images that are not aligned"
            contents.notes.append(f"{file.name} was ignored: it belongs to {kind}.")
    return faces


def _places(folder: Path) -> list[Path]:
    beside = [folder.parent] if folder.name.startswith("img_") else []
    return [folder, folder / "Anno", folder / "Eval", *beside]


def _find(folder: Path, stem: str) -> Path | None:
    files = (place / f"{stem}{ending}" for place in _places(folder) for ending in _ENDINGS)
    return next((file for file in files if file.is_file()), None)


def _attribute_list(folder: Path) -> Path | None:
    """The list of attributes of a folder: the file of that name, or else the first with such content."""
    named = _find(folder, _ATTRIBUTES)
    if named is not None:
        return named
    files = (
        file for place in _places(folder) for ending in _ENDINGS for file in sorted(place.glob(f"*{ending}"))
    )
    return next((file for file in files if _lists_attributes(file)), None)


def _lists_attributes(path: Path) -> bool:
    """Whether a file begins like a list of attributes: names, then an image with 1 or -1 for each of them.

    A list as text says the number of images first. A table must have names of CelebA's attributes only, because other
    tables may hold 1 and -1 too.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    text = head.decode(unicode_encoding(head), errors="replace").lstrip("\ufeff")
    lines = [cells for cells in map(_cells, text.splitlines()[:4]) if cells]
    is_counted = bool(lines) and len(lines[0]) == 1 and lines[0][0].isdigit()
    if len(lines) < 2 + is_counted:
        return False
    names, row = lines[is_counted], lines[1 + is_counted]
    names = names[1:] if names[0].lower() in _NAMED else names
    known = is_counted or (len(names) >= _KNOWN_NAMES and set(names) <= ATTRIBUTES)
    return known and len(row) == len(names) + 1 > 1 and set(row[1:]) <= {"1", "-1"}


def _read_attributes(path: Path, contents: SourceContents) -> None:
    lines = _lines(path)
    _, first = next(lines, (0, []))
    if len(first) == 1 and first[0].isdigit():  # the number of images
        _, first = next(lines, (0, []))
    names = first[1:] if first and first[0].lower() in _NAMED else first
    if not names:
        raise _bad(path, "it has no line with the attributes' names")
    for number, cells in lines:
        if len(cells) != len(names) + 1:
            raise _bad(path, f"line {number} has {len(cells) - 1} values for {len(names)} attributes")
        for name, value in zip(names, cells[1:], strict=True):
            if value not in _VALUES:
                raise _bad(path, f"line {number} has the value {value[:20]!r}, which is neither 1 nor -1")
            contents.answers.append(SourceAnswer(cells[0], name, _VALUES[value]))


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the image name and the value of each line; a header is skipped."""
    for number, cells in _lines(path):
        if len(cells) != 2:
            raise _bad(path, f"line {number} is not an image and a value")
        if cells[0].lower() not in _NAMED:
            yield cells[0], cells[1]


def _numbers(path: Path, count: int) -> Iterator[Row]:
    """Yield the image name and the `count` integers of each line; the number of images and the header are skipped."""
    for number, cells in _lines(path):
        try:
            numbers = [int(cell) for cell in cells[1:]]
        except ValueError as error:
            if number <= 2:
                continue
            raise _bad(path, f"line {number} holds something that is not an integer") from error
        if len(numbers) == count:
            yield cells[0], numbers
        elif number > 1 or numbers:
            raise _bad(path, f"line {number} has {len(numbers)} numbers instead of {count}")


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding=file_encoding(path)) as file:
            for number, line in enumerate(file, start=1):
                if cells := _cells(line):
                    yield number, cells
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error


def _cells(line: str) -> list[str]:
    return [cell for cell in re.split(r"[,\s]+", line.strip()) if cell]


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_celeba", f"{path} cannot be read as a list of CelebA: {what}.", do="Download the file again."
    )
