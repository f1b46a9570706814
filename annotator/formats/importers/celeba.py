"""CelebA: a folder of images with lists of attributes, identities, partitions, landmarks and boxes, as text or CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceFace, SourceImage
from annotator.formats.importers.celeba_faces import Row, find_source_faces
from annotator.formats.importers.celeba_names import listed_name
from annotator.formats.importers.folder_files import account_for, list_folder, unique_names
from annotator.formats.importers.safe_readers import refuse

_SPLITS = {"0": "train", "1": "val", "2": "test"}
_VALUES = {"1": "yes", "-1": "no", "0": "no"}
_LABELS = ("list_attr_celeba", "identity_CelebA")
_PARTITION = "list_eval_partition"
_ALIGNED = "list_landmarks_align_celeba"
_WILD = ("list_bbox_celeba", "list_landmarks_celeba")  # landmarks say more, so they are read last and count
_NAMED = {"image_id", "image", "filename"}


def recognise(path: Path) -> bool:
    """Return whether the path is a folder with CelebA's lists, or a list of labels."""
    if path.is_dir():
        return any(_find(path, kind) for kind in (*_LABELS, _ALIGNED, *_WILD))
    return path.suffix in {".txt", ".csv"} and path.stem in _LABELS


def read(path: Path) -> SourceContents:
    """Read the lists in a folder and the images below it: 40 attributes with the values yes and no, identities, faces.

    Raises:
        FacelabelError: if a list cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    contents = SourceContents()
    attributes, people = (_find(folder, stem) if path.is_dir() else _only(path, stem) for stem in _LABELS)
    if not path.is_dir() and not attributes and not people:
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
            face=faces.get(image),
        )
        for image, name in unique_names(folder, images).items()
    ]
    lists = (_find(folder, stem) for stem in (*_LABELS, _PARTITION, _ALIGNED, *_WILD))
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


def _find(folder: Path, stem: str) -> Path | None:
    places = [folder, folder / "Anno", folder / "Eval", folder.parent] if folder.name.startswith("img_") else [
        folder, folder / "Anno", folder / "Eval"
    ]  # fmt: skip
    files = (place / f"{stem}{ending}" for place in places for ending in (".txt", ".csv"))
    return next((file for file in files if file.is_file()), None)


def _only(path: Path, stem: str) -> Path | None:
    return path if path.stem == stem else None


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
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                cells = [cell for cell in re.split(r"[,\s]+", line.strip()) if cell]
                if cells:
                    yield number, cells
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, str(error)) from error


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_celeba", f"{path} cannot be read as a list of CelebA: {what}.", do="Download the file again."
    )
