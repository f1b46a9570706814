"""The landmarks of faces.csv (FORMATS.md) as one array; a million faces are read and checked in a few seconds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from trainer.runtime.errors import SnapshotError

FACES = "faces.csv"
_BOX = ("left", "top", "right", "bottom")
_LANDMARKS = tuple(f"{axis}{number}" for number in range(1, 6) for axis in "xy")
_AGAIN = "Nothing was changed.", "Export the snapshot again."
_PART = 65_536
"""Faces that are checked at once: the intermediate arrays take 20 MB."""
_COLUMNS = ("image_name", "number", "turn", *_BOX, *_LANDMARKS, "score", "finder")


def no_landmarks(images: int) -> NDArray[np.float32]:
    """Return the (images, 5, 2) landmarks of images without a face, which are all NaN."""
    landmarks = np.full((images, 5, 2), np.nan, np.float32)
    landmarks.flags.writeable = False
    return landmarks


def read_landmarks(path: Path, names: pa.ChunkedArray, sizes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read the landmarks of the face number 0 of every image, in pixels of the upright image.

    Args:
        path: A faces.csv, whose bytes have been verified.
        names: The image names of images.csv.
        sizes: (images, 2) Width and height of the upright images.

    Returns:
        (images, 5, 2) x and y; NaN for an image without a face.

    Raises:
        SnapshotError: The file does not follow FORMATS.md.
    """
    types = dict.fromkeys(_COLUMNS, pa.int32()) | {"image_name": pa.string(), "finder": pa.string()}
    types["score"] = pa.float64()
    convert = pyarrow.csv.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    if empty := next((name for name in _COLUMNS if table[name].null_count), None):
        raise SnapshotError(f"{path}: a cell of the column {empty} is empty.", *_AGAIN)
    rows = pc.index_in(table["image_name"], value_set=names.combine_chunks()).fill_null(-1)
    images = rows.to_numpy().astype(np.int64)
    _require(path, table, images >= 0, "the image is not in images.csv")
    in_order = _in_order(images, table["number"].to_numpy())
    _require(path, table, in_order, "the faces are not in the order of images.csv, numbered from 0")
    landmarks = np.full((len(sizes), 5, 2), np.nan, np.float32)
    for start in range(0, len(table), _PART):
        part, of = table.slice(start, _PART), images[start : start + _PART]
        points = _upright_points(path, part, sizes[of])
        first = part["number"].to_numpy() == 0
        landmarks[of[first]] = points[first]
    landmarks.flags.writeable = False
    return landmarks


def _upright_points(path: Path, faces: pa.Table, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The landmarks (faces, 5, 2) of some faces in pixels of their upright images of these sizes."""
    turns = faces["turn"].to_numpy()
    box = np.stack([faces[name].to_numpy() for name in _BOX], axis=1)
    points = np.stack([faces[name].to_numpy() for name in _LANDMARKS], axis=1).reshape(-1, 5, 2)
    turned_sizes = np.where(np.isin(turns, (90, 270))[:, None], sizes[:, ::-1], sizes)
    _require(path, faces, np.isin(turns, (0, 90, 180, 270)), "the turn is not 0, 90, 180 or 270")
    _require(path, faces, _plausible(box, points, turned_sizes), "the face lies outside the image")
    _require(path, faces, np.isfinite(faces["score"].to_numpy()), "the score is not a number")
    return turn_back(points, turns, sizes)


def _require(path: Path, faces: pa.Table, right: NDArray[np.bool_], what: str) -> None:
    if not right.all():
        name = faces["image_name"][int(np.argmin(right))].as_py()
        raise SnapshotError(f"{path}: {what}, for the image {name[:60]!r}.", *_AGAIN)


def _in_order(images: NDArray[np.int64], numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
    step = np.diff(images, prepend=-1)
    right: NDArray[np.bool_] = (step >= 0) & (numbers == np.where(step == 0, np.roll(numbers, 1) + 1, 0))
    return right


def _plausible(
    box: NDArray[np.int32], points: NDArray[np.int32], sizes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a box is not empty and neither it nor a landmark is farther outside than the image's longer side."""
    corners = np.concatenate([box.reshape(-1, 2, 2), points], axis=1)
    margin = sizes.max(axis=1)[:, None, None]
    near = (corners >= -margin) & (corners <= sizes[:, None] + margin)
    right: NDArray[np.bool_] = near.all(axis=(1, 2)) & (box[:, :2] < box[:, 2:]).all(axis=1)
    return right


def turn_back(
    points: NDArray[np.int32], turns: NDArray[np.int32], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return pixels (faces, n, 2) of images turned clockwise as pixels of the upright images.

    Args:
        points: x and y, counted from the centre of the first pixel.
        turns: (faces,) 0, 90, 180 or 270 degrees.
        sizes: (faces, 2) Width and height of the upright images.
    """
    x, y = points[..., 0].astype(np.int64), points[..., 1].astype(np.int64)
    width, height = sizes[:, None, 0], sizes[:, None, 1]
    cases = [turns[:, None] == turn for turn in (0, 90, 180)]
    across = np.select(cases, [x, y, width - 1 - x], width - 1 - y)
    down = np.select(cases, [y, height - 1 - x, height - 1 - y], x)
    return np.stack([across, down], axis=-1)
