"""The maps of the images: immutable files in the cache, and which images lie inside a polygon on one of them.

`NUMBER-HASH.map` is a map; a map from which an erased image was removed keeps its number and gets another hash, so the browser
reads it anew. The newest ones are kept, because polygons name the map on which they were drawn.

`images.arrow` names the images that the trainer is placing; `wanted` says that somebody asked for a new map, and `failed` why
the last one could not be made.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.polygon import parse_lasso
from annotator.errors import NotFound
from annotator.files import sync_folder, write_atomically
from annotator.formats.snapshot.image_map import MapPoints, read_map
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.counted import COUNTED
from annotator.services.predictions.label_columns import fetch_many

KEPT = 3
"""Maps that are kept, the newest among them."""
LISTED, COMPUTED, WANTED, FAILED, LOG = "images.arrow", "computed.map", "wanted", "failed", "map.log"
_FILE = re.compile(r"(\d{4,6})-([0-9a-f]{16})\.map")
_PART = 50_000
_POINTS = CacheKind[str, MapPoints](size=3)
"""The open maps by file name."""
_INSIDE = CacheKind[tuple[str, str], NDArray[np.int64]](size=8)
"""By file name and polygon: the ids of the images inside."""
_ROWS = CacheKind[tuple[str, Path], NDArray[np.int64]](size=3)
"""By file name and predictions: the row of each image of the map."""


@dataclass(frozen=True)
class ImageMap:
    """A map. `file`: its file, whose name never means another content."""

    number: int
    file: Path


def map_folder(project: ProjectFolder) -> Path:
    """The folder of the maps; it may be missing."""
    return project.cache / "map"


def list_maps(project: ProjectFolder) -> list[ImageMap]:
    """The maps, newest first."""
    found = []
    for file in map_folder(project).glob("*.map"):
        match = _FILE.fullmatch(file.name)
        if match:
            found.append(ImageMap(int(match[1]), file))
    return sorted(found, key=lambda one: (one.number, one.file.name), reverse=True)


def find_map(project: ProjectFolder, number: int | None = None) -> ImageMap:
    """Return a map, or the newest one.

    Raises:
        NotFound: if there is none.
    """
    for one in list_maps(project):
        if number in {None, one.number}:
            return one
    raise NotFound(
        "unknown_map",
        "There is no map yet." if number is None else f"The map {number} is no longer kept.",
        do="Open the page Map, and draw around the images again.",
    )


def map_points(session: Session, image_map: ImageMap) -> MapPoints:
    """Read a map.

    Raises:
        NotFound: if it is gone or damaged.
    """
    cache = project_cache(session)
    points = cache.get(_POINTS, image_map.file.name) or read_map(image_map.file)
    if points is None:
        raise NotFound("unknown_map", f"The map {image_map.number} is gone.", do="Load the page Map again.")
    cache.put(_POINTS, image_map.file.name, points)
    return points


def images_inside(project: ProjectFolder, session: Session, polygon: str) -> NDArray[np.int64]:
    """Return the ids of the images inside a polygon; excluded ones are not on the map.

    Args:
        project: the project.
        session: a session.
        polygon: of `annotator.domain.polygon.parse_lasso`.

    Raises:
        WrongUse: if the polygon cannot be read.
        NotFound: if its map is no longer kept.
    """
    lasso = parse_lasso(polygon)
    image_map = find_map(project, lasso.map)

    def compute() -> NDArray[np.int64]:
        points = map_points(session, image_map)
        return points.ids[lasso.contains(points.places)]

    return project_cache(session).get_or_compute(_INSIDE, (image_map.file.name, polygon), compute)


def rows_inside(
    project: ProjectFolder, session: Session, polygon: str, file: PredictionsFile
) -> NDArray[np.int64]:
    """Return the rows that images inside a polygon have in predictions.

    Raises:
        WrongUse: if the polygon cannot be read.
        NotFound: if its map is no longer kept.
    """
    lasso = parse_lasso(polygon)
    image_map = find_map(project, lasso.map)
    rows = prediction_rows(session, image_map, file)[lasso.contains(map_points(session, image_map).places)]
    return rows[rows >= 0]


def is_one_of(images: NDArray[np.int64]) -> ColumnElement[bool]:
    """The condition that an image that counts is one of some, however many: one text is sent instead of a number for each."""
    return is_listed(Image.id, "images", images.tolist()) & COUNTED


def prediction_rows(session: Session, image_map: ImageMap, file: PredictionsFile) -> NDArray[np.int64]:
    """Return the (images,) row of each image of a map in predictions; -1 for images whose bytes they do not have."""

    def compute() -> NDArray[np.int64]:
        ids, rows = map_points(session, image_map).ids, rows_by_image(session, file)
        return np.where(ids < len(rows), rows[np.minimum(ids, len(rows) - 1)], -1)

    return project_cache(session).get_or_compute(_ROWS, (image_map.file.name, file.folder), compute)


def rows_by_image(session: Session, file: PredictionsFile) -> NDArray[np.int64]:
    """Return the (newest image + 1,) row of every image in predictions, by id; -1 for images whose bytes they do not have."""
    size = (session.scalar(select(func.max(Image.id))) or 0) + 1
    rows = np.full(size, -1, np.int64)
    answered = enumerate(file.images_between(0, file.rows))
    row, (name, sha256) = next(answered, (0, ("", "")))
    # Images and predictions are sorted by name: both are walked once.
    query = select(Image.id, Image.name, Image.sha256).order_by(Image.name)
    for part in fetch_many(session, query, _PART):
        for number, image, content in part:
            while name < image and (pair := next(answered, None)) is not None:
                row, (name, sha256) = pair
            if number < size and (name, sha256) == (image, content):
                rows[number] = row
    return rows


# ---- making maps


def ask_for_map(project: ProjectFolder) -> None:
    """Let the worker make a new map as soon as it has nothing else to do."""
    folder = map_folder(project)
    write_atomically(folder / WANTED, b"")
    (folder / FAILED).unlink(missing_ok=True)


def add_map(project: ProjectFolder, points: MapPoints, number: int | None = None) -> ImageMap:
    """Keep a map under the next number, or under the number of one that it replaces, and remove the oldest ones."""
    maps = list_maps(project)
    if number is None:
        number = 1 + (maps[0].number if maps else 0)
    content = points.to_bytes()
    file = map_folder(project) / f"{number:04d}-{hashlib.sha256(content).hexdigest()[:16]}.map"
    write_atomically(file, content)
    for other in list_maps(project):
        if other.file != file and (other.number == number or other.number <= number - KEPT):
            other.file.unlink(missing_ok=True)
    return ImageMap(number, file)


def remove_from_maps(project: ProjectFolder, images: list[int]) -> int:
    """Remove erased images from all maps, and what an interrupted computation left; return the number of changed maps.

    It can be repeated after a kill. The worker's lock is held, and no map is being computed.
    """
    folder = map_folder(project)
    if not folder.is_dir():
        return 0
    waiting = (folder / LISTED).exists() or (folder / WANTED).exists()
    for name in (LISTED, COMPUTED, LOG, FAILED):
        (folder / name).unlink(missing_ok=True)
    for unfinished in folder.glob(".*"):
        unfinished.unlink()
    if waiting:
        write_atomically(folder / WANTED, b"")
    changed, erased = 0, np.asarray(images, np.int64)
    for one in list_maps(project):
        points = read_map(one.file)
        if points is None:
            one.file.unlink()
        elif np.isin(erased, points.ids).any():
            add_map(project, points.without(erased), one.number)
            changed += 1
    sync_folder(folder)
    return changed
