"""Order the images by likeness to some chosen ones, by the embeddings of the newest round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError
from annotator.formats.snapshot.embeddings import Embeddings, find_embeddings
from annotator.models import Face, Image, Project
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.predictions.label_columns import fetch_many

MAX_CHOSEN = 50
"""The largest number of images that others can be compared with at once."""
_PART = 20_000
_BARE = str.maketrans("", "", "[] ")


@dataclass(frozen=True)
class _Places:
    """The images, in the order of their ids, and the row of each one in the embeddings (-1: none yet)."""

    images: NDArray[np.int64]
    rows: NDArray[np.int64]


_Version = tuple[Path, int, int, int, int]
_PLACES = CacheKind[_Version, _Places](size=1)
"""By embeddings, time of their last change, versions of the images and of the faces, and newest image."""
_RANKS = CacheKind[tuple[_Version, tuple[int, ...]], NDArray[np.int64]](size=3)
"""By the same and the chosen images: all images, most alike first, for the next pages."""


def order_by_likeness(project: ProjectFolder, session: Session, chosen: Sequence[int]) -> NDArray[np.int64]:
    """All images, most alike first; those that have no embedding yet come last.

    The distance is Euclidean, in the leading principal coordinates of the cached features of the head; of several chosen images
    the nearest one counts.

    Raises:
        FacelabelError: if no round has computed embeddings, or not for the chosen images.
    """
    embeddings = find_embeddings(project.cache)
    if embeddings is None:
        raise _not_yet("No round has computed what images look like.")
    version = _version(session, embeddings)
    cache, key = project_cache(session), (version, tuple(chosen))
    ranked = cache.get(_RANKS, key)
    if ranked is None:
        places = cache.get_or_compute(_PLACES, version, lambda: _read(session, embeddings))
        ranked = _rank(embeddings, places, chosen)
        cache.put(_RANKS, key, ranked)
    return ranked


def _rank(embeddings: Embeddings, places: _Places, chosen: Sequence[int]) -> NDArray[np.int64]:
    rows = places.rows[np.isin(places.images, np.asarray(chosen, np.int64))]
    rows = rows[rows >= 0]
    if not len(rows):
        raise _not_yet("The newest round did not know the chosen images.")
    distances = np.where(places.rows >= 0, embeddings.distances(rows)[places.rows], np.inf)
    ranked: NDArray[np.int64] = places.images[np.argsort(distances, kind="stable")]
    return ranked


def _not_yet(what: str) -> FacelabelError:
    return FacelabelError(
        "no_likeness", what, do="Start a round of the engine probe on the page Rounds, then sort again."
    )


def _version(session: Session, embeddings: Embeddings) -> _Version:
    images, faces = session.execute(select(Project.images_version, Project.faces_version)).one()
    newest = session.scalar(select(func.max(Image.id))) or 0
    return embeddings.folder, embeddings.changed, images, faces, newest


def _read(session: Session, embeddings: Embeddings) -> _Places:
    query = (
        select(Image.id, Image.sha256, Image.width, Image.height, Face.turn, cast(Face.points, String))
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .order_by(Image.id)
    )
    images: list[int] = []
    keys = [np.empty((0, 32), np.uint8)]
    for part in fetch_many(session, query, _PART):
        ids, sha256, *face = zip(*part, strict=True)
        images += ids
        keys.append(embeddings.keys(sha256, landmark_bytes(*face)))
    return _Places(np.asarray(images, np.int64), embeddings.rows_of(np.concatenate(keys)))


def landmark_bytes(
    widths: Sequence[int], heights: Sequence[int], turns: Sequence[int | None], points: Sequence[str | None]
) -> list[bytes]:
    """The landmarks of faces in pixels of the upright images, as bytes; empty where there is no face."""
    seen = [place for place, text in enumerate(points) if text]
    if not seen:
        return [b""] * len(points)
    numbers = np.fromstring(",".join((points[n] or "").translate(_BARE) for n in seen), np.int64, sep=",")
    x, y = numbers.reshape(-1, 5, 2)[..., 0], numbers.reshape(-1, 5, 2)[..., 1]
    width, height = np.asarray(widths)[seen, None], np.asarray(heights)[seen, None]
    turn = np.asarray([turns[n] or 0 for n in seen])[:, None]
    turned = [turn == 0, turn == 90, turn == 180]
    across = np.select(turned, [x, y, width - 1 - x], width - 1 - y)
    down = np.select(turned, [y, height - 1 - x, height - 1 - y], x)
    upright = np.stack([across, down], axis=-1).astype("<f4")
    result = [b""] * len(points)
    for place, face in zip(seen, upright, strict=True):
        result[place] = face.tobytes()
    return result
