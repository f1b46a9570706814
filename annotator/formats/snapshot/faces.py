"""faces.csv: the faces in the images of a snapshot, written row by row and checked column by column."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotator.formats.snapshot.csv_text import csv_field, csv_line
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.known_images import KnownFile
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


def write_faces(folder: Path, faces: FaceRows | KnownFile) -> dict[str, Any]:
    """Write or link faces.csv into a folder and return its entry of the manifest by its name; {} if there is no face.

    Raises:
        OSError: if the file cannot be written.
    """
    if isinstance(faces, KnownFile):
        return faces.link(folder)
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
    """The columns of a part of a faces.csv that follows FORMATS.md.

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


def read_checked_faces(folder: Path) -> Iterator[CheckedFaces]:
    """Yield the faces of a snapshot's faces.csv in parts, each checked against images.csv.

    Raises:
        FacelabelError: if it does not follow FORMATS.md; the error names the first image whose row does not.
    """
    import pyarrow as pa  # noqa: PLC0415 - the server starts without it

    types = dict.fromkeys(FACE_COLUMNS, pa.int64()) | {"image_name": pa.string(), "finder": pa.string()}
    try:
        images = _Images(folder / "images.csv")
        last = _Last(-1, -1)
        for part in _read_csv(folder / FACES, types | {"score": pa.float64()}):
            if len(part):
                checked, last = _checked(folder, images, part, last)
                yield checked
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise damaged(folder, f"{FACES} cannot be read: {str(error).splitlines()[0]}") from error


def _read_csv(path: Path, types: dict[str, Any]) -> Iterator[Any]:
    """Record batches of some columns of a CSV, all of which have a value in every row."""
    import pyarrow.csv as pc  # noqa: PLC0415 - the server starts without it

    options = {
        "parse_options": pc.ParseOptions(newlines_in_values=True),
        "convert_options": pc.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
        ),
    }
    with pc.open_csv(path, pc.ReadOptions(use_threads=False), **options) as reader:
        for part in reader:
            if empty := next((name for name in types if part[name].null_count), None):
                raise KeyError(f"a cell of the column {empty} is empty")
            yield part


class _Images:
    """The names and sizes of the images of a snapshot."""

    def __init__(self, file: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415 - the server starts without it

        types = {"image_name": pa.string(), "width": pa.int64(), "height": pa.int64()}
        table = pa.Table.from_batches(_read_csv(file, types), pa.schema(types.items())).combine_chunks()
        self._names = (
            pa.concat_arrays(table["image_name"].chunks) if len(table) else pa.array([], pa.string())
        )
        self.sizes = np.stack([table[name].to_numpy() for name in ("width", "height")], axis=1)

    def rows(self, names: Any) -> NDArray[np.int64]:
        """(names,) the rows of these images, which come in the order of their names; -1 if they do not."""
        import pyarrow.compute as pc  # noqa: PLC0415 - the server starts without it

        start = self._place(names[0].as_py())
        window = self._names.slice(start, max(0, self._place(names[-1].as_py()) + 1 - start))
        rows: NDArray[np.int64] = (
            pc.index_in(names, value_set=window).fill_null(-1).to_numpy().astype(np.int64)
        )
        return np.where(rows < 0, -1, rows + start)

    def _place(self, name: str) -> int:
        return bisect_left(range(len(self._names)), name, key=lambda row: self._names[row].as_py())


class _Last(NamedTuple):
    """The row of an image and the number of a face: those of the face before a part."""

    image: int
    number: int


def _checked(folder: Path, images: _Images, faces: Any, last: _Last) -> tuple[CheckedFaces, _Last]:
    import pyarrow.compute as pc  # noqa: PLC0415 - the server starts without it

    names = faces["image_name"]

    def require(right: NDArray[np.bool_], what: str) -> None:
        if not right.all():
            name = names[int(np.argmin(right))].as_py()
            raise damaged(folder, f"{FACES}: {what}, for the image {name[:60]!r}")

    rows = images.rows(names)
    require(rows >= 0, "the image is not in images.csv, or the rows are not sorted")
    ints = {name: faces[name].to_numpy() for name in ("number", "turn", *BOX_COLUMNS, *LANDMARK_COLUMNS)}
    step, before = np.diff(rows, prepend=last.image), np.concatenate([[last.number], ints["number"][:-1]])
    require(step >= 0, "the rows are not sorted")
    require(ints["number"] == np.where(step == 0, before + 1, 0), "the faces are not numbered from 0")
    turns, sizes = ints["turn"], images.sizes[rows]
    require(np.isin(turns, (0, 90, 180, 270)), "the turn is not 0, 90, 180 or 270")
    boxes = np.stack([ints[name] for name in BOX_COLUMNS], axis=1)
    landmarks = np.stack([ints[name] for name in LANDMARK_COLUMNS], axis=1).reshape(-1, 5, 2)
    turned_sizes = np.where(np.isin(turns, (90, 270))[:, None], sizes[:, ::-1], sizes)
    require(np.all(boxes[:, :2] < boxes[:, 2:], axis=1), "the box is empty")
    points = np.concatenate([boxes.reshape(-1, 2, 2), landmarks], axis=1)
    margin = sizes.max(axis=1)[:, None, None]
    near: NDArray[np.bool_] = (points >= -margin) & (points <= turned_sizes[:, None] + margin)
    require(np.all(near, axis=(1, 2)), "the face lies outside the image")
    scores = faces["score"].to_numpy()
    require(np.isfinite(scores), "the score is not a number")
    finders = faces["finder"]
    right = pc.match_substring_regex(finders, _FINDER).to_numpy(zero_copy_only=False)
    require(right, "the finder is not a word")
    checked = CheckedFaces(names.to_pylist(), sizes, turns, boxes, landmarks, scores, finders.to_pylist())
    return checked, _Last(int(rows[-1]), int(ints["number"][-1]))
