"""faces.csv: the faces in the images of a snapshot, written row by row and checked column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotator.formats.snapshot.csv_text import csv_field, csv_line
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.manifest import damaged

FACES = "faces.csv"
"""The name of the file."""
BOX_COLUMNS = ("left", "top", "right", "bottom")
LANDMARK_COLUMNS = tuple(f"{axis}{number}" for number in range(1, 6) for axis in "xy")
FACE_COLUMNS = ("image_name", "number", "turn", *BOX_COLUMNS, *LANDMARK_COLUMNS, "score", "finder")

_FINDER = r"^[a-z0-9_]{1,20}$"


class FaceRow(NamedTuple):
    """A face, with the meaning of the table `faces`; `landmarks` is "x1,y1,…,x5,y5"."""

    image_name: str
    number: int
    turn: int
    left: int
    top: int
    right: int
    bottom: int
    landmarks: str
    score: float
    finder: str


FaceRows = Iterable[Sequence[FaceRow]]
"""The faces by the names of their images and their numbers, in parts of a few thousand."""


def write_faces(folder: Path, faces: FaceRows) -> dict[str, Any]:
    """Write faces.csv into a folder and return its entry of the manifest by its name; {} if there is no face.

    Raises:
        OSError: if the file cannot be written.
    """
    parts = iter(faces)
    first = next(parts, None)
    if first is None:
        return {}
    with HashedFile(folder / FACES) as file:
        file.write(csv_line(FACE_COLUMNS))
        file.write(_lines(first))
        for part in parts:
            file.write(_lines(part))
    return {FACES: file.entry()}


def _lines(faces: Sequence[FaceRow]) -> str:
    return "".join([
        f"{csv_field(name)},{number},{turn},{left},{top},{right},{bottom},{landmarks},{score!r},{finder}\n"
        for name, number, turn, left, top, right, bottom, landmarks, score, finder in faces
    ])  # fmt: skip


class CheckedFaces(NamedTuple):
    """The columns of a faces.csv that follows FORMATS.md.

    Args:
        images: (faces,) the names of the images.
        sizes: (faces, 2) width and height of the upright image.
        turns: (faces,) degrees.
        boxes: (faces, 4) left, top, right and bottom.
        landmarks: (faces, 5, 2).
        scores: (faces,).
        finders: (faces,) texts.
    """

    images: list[str]
    sizes: NDArray[np.int64]
    turns: NDArray[np.int64]
    boxes: NDArray[np.int64]
    landmarks: NDArray[np.int64]
    scores: NDArray[np.float64]
    finders: list[str]

    def rows(self) -> Iterator[tuple[str, list[int], int, list[int], list[list[int]], float, str]]:
        """Yield the faces one by one, with the fields of this class as plain values."""
        numbers = (self.sizes, self.turns, self.boxes, self.landmarks, self.scores)
        return zip(self.images, *(column.tolist() for column in numbers), self.finders, strict=True)


def check_faces(folder: Path) -> CheckedFaces:
    """Read the faces.csv of a snapshot and check it against images.csv.

    Raises:
        FacelabelError: if it does not follow FORMATS.md; the error names the first image whose row does not.
    """
    import pyarrow as pa  # noqa: PLC0415 - the server starts without it

    try:
        images = _read(
            folder / "images.csv", {"image_name": pa.string(), "width": pa.int64(), "height": pa.int64()}
        )
        types = dict.fromkeys(FACE_COLUMNS, pa.int64()) | {"image_name": pa.string(), "finder": pa.string()}
        faces = _read(folder / FACES, types | {"score": pa.float64()})
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise damaged(folder, f"{FACES} cannot be read: {str(error).splitlines()[0]}") from error
    return _checked(folder, images, faces)


def _read(path: Path, types: dict[str, Any]) -> Any:
    """The columns of a CSV, all of which have a value in every row."""
    import pyarrow.csv as pc  # noqa: PLC0415 - the server starts without it

    parse = pc.ParseOptions(newlines_in_values=True)
    convert = pc.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
    )
    table = pc.read_csv(path, parse_options=parse, convert_options=convert)
    if empty := next((name for name in types if table[name].null_count), None):
        raise KeyError(f"a cell of the column {empty} is empty")
    return table


def _checked(folder: Path, images: Any, faces: Any) -> CheckedFaces:
    import pyarrow.compute as pc  # noqa: PLC0415 - the server starts without it

    names = faces["image_name"]

    def require(right: NDArray[np.bool_], what: str) -> None:
        if not right.all():
            name = names[int(np.argmin(right))].as_py()
            raise damaged(folder, f"{FACES}: {what}, for the image {name[:60]!r}")

    found = pc.index_in(names, value_set=images["image_name"].combine_chunks()).fill_null(-1)
    rows = found.to_numpy().astype(np.int64)
    require(rows >= 0, "the image is not in images.csv")
    ints = {name: faces[name].to_numpy() for name in ("number", "turn", *BOX_COLUMNS, *LANDMARK_COLUMNS)}
    numbers, again = ints["number"], np.diff(rows, prepend=-1) == 0
    require(np.diff(rows, prepend=-1) >= 0, "the rows are not in the order of images.csv")
    require(numbers == np.where(again, np.roll(numbers, 1) + 1, 0), "the faces are not numbered from 0")
    turns = ints["turn"]
    require(np.isin(turns, (0, 90, 180, 270)), "the turn is not 0, 90, 180 or 270")
    boxes = np.stack([ints[name] for name in BOX_COLUMNS], axis=1)
    landmarks = np.stack([ints[name] for name in LANDMARK_COLUMNS], axis=1).reshape(-1, 5, 2)
    sizes = np.stack([images[name].to_numpy()[rows] for name in ("width", "height")], axis=1)
    turned_sizes = np.where(np.isin(turns, (90, 270))[:, None], sizes[:, ::-1], sizes)
    require((boxes[:, :2] < boxes[:, 2:]).all(axis=1), "the box is empty")
    points = np.concatenate([boxes.reshape(-1, 2, 2), landmarks], axis=1)
    margin = sizes.max(axis=1)[:, None, None]
    near: NDArray[np.bool_] = (points >= -margin) & (points <= turned_sizes[:, None] + margin)
    require(np.asarray(near.all(axis=(1, 2))), "the face lies outside the image")
    scores = faces["score"].to_numpy()
    require(np.isfinite(scores), "the score is not a number")
    require(pc.match_substring_regex(faces["finder"], _FINDER).to_numpy(), "the finder is not a word")
    return CheckedFaces(
        names.to_pylist(), sizes, turns, boxes, landmarks, scores, faces["finder"].to_pylist()
    )
