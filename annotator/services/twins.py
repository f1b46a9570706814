"""Near-duplicates in the project: hashes of the views, computed in the background, and which image repeats which.

An image is the twin of the first image (by import) that shows nearly the same picture: perceptual hashes that differ in
few bits, and, where faces were found in both, descriptors of one face. Images whose source gave them a group are left
there. The first one is never moved by one that comes later.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.near_duplicates import near_pairs
from annotator.files import shard_path
from annotator.formats.perceptual_hash import perceptual_hash
from annotator.models import Face, GroupDecision, Image, Project
from annotator.project import ProjectFolder
from annotator.services.groups import mark_stale, settle_groups

ONE_FACE = 0.6
"""Descriptors of one person are nearer to each other than this (dlib's own threshold)."""
_BATCH = 256


class TwinSearch:
    """Hashes new images and keeps groups up to date, a step at a time, for a worker that has nothing else to do.

    Settling a large project takes seconds, so it is left alone for twenty times as long as it took.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._pause_until = 0.0

    def run_step(self) -> bool:
        """Do the next piece of work; returns whether there was any."""
        if hash_some(self._project):
            return True
        if time.monotonic() < self._pause_until or not _is_stale(self._project):
            return False
        started = time.monotonic()
        find_twins(self._project)
        self._pause_until = time.monotonic() + 20 * (time.monotonic() - started)
        return True


def _is_stale(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return bool(session.scalar(select(Project.groups_stale)))


def hash_some(project: ProjectFolder) -> int:
    """Hash the next images that have no hash yet; returns how many there were."""
    with project.database.read() as session:
        query = select(Image.id, Image.sha256).where(Image.perceptual_hash.is_(None)).order_by(Image.id)
        rows = session.execute(query.limit(_BATCH)).all()
    with ThreadPoolExecutor(2) as threads:
        hashes = list(threads.map(lambda row: _hash_view(project, row.sha256), rows))
    if rows:
        changes = [{"id": row.id, "perceptual_hash": value} for row, value in zip(rows, hashes, strict=True)]
        with project.database.write() as session:
            session.execute(update(Image), changes)
            mark_stale(session)
    return len(rows)


def _hash_view(project: ProjectFolder, sha256: str) -> int:
    with Picture.open(shard_path(project.views, sha256, "jpg")) as view:
        view.draft("L", (128, 128))
        return perceptual_hash(view)


def find_twins(project: ProjectFolder) -> int:
    """Find which image repeats which, and bring groups up to date; returns how many images are twins."""
    with project.database.read() as session:
        twins = _twins(session)
        before = dict(
            session.execute(select(Image.id, Image.twin_of).where(Image.twin_of.is_not(None))).all()
        )
    changed = [{"id": i, "twin_of": twins.get(i)} for i in {*twins, *before} if twins.get(i) != before.get(i)]
    with project.database.write() as session:
        if changed:
            session.execute(update(Image), changed)
            mark_stale(session)
        settle_groups(session)
    return len(twins)


def near_images(session: Session) -> list[tuple[int, int]]:
    """Pairs of images, by id, that show nearly the same picture and that nobody has cut."""
    query = (
        select(Image.id, Image.perceptual_hash).where(Image.perceptual_hash.is_not(None)).order_by(Image.id)
    )
    rows = session.execute(query).all()
    ids = np.array([row.id for row in rows], np.int64)
    pairs = ids[near_pairs(np.array([row.perceptual_hash for row in rows], np.int64))]
    cut = _cuts(session)
    descriptors = _descriptors(session, {int(i) for pair in pairs for i in pair})
    return [
        (int(a), int(b))
        for a, b in pairs
        if (a, b) not in cut and not _two_faces(descriptors, int(a), int(b))
    ]


def _twins(session: Session) -> dict[int, int]:
    """Image → the first image that it repeats, both by id."""
    given = set(session.scalars(select(Image.id).where(Image.given_group.is_not(None))))
    first: dict[int, int] = {}
    for earlier, later in sorted(near_images(session), key=lambda pair: (pair[1], pair[0])):
        if later not in given and later not in first:
            first[later] = first.get(earlier, earlier)
    return first


def _cuts(session: Session) -> set[tuple[int, int]]:
    query = select(GroupDecision.first_id, GroupDecision.second_id).where(
        GroupDecision.kind == "cut", GroupDecision.undone_at.is_(None)
    )
    return {(min(pair), max(pair)) for pair in session.execute(query)}


def _descriptors(session: Session, images: set[int]) -> dict[int, NDArray[np.float32]]:
    query = select(Face.image_id, Face.descriptor).where(Face.number == 0, Face.descriptor.is_not(None))
    chosen = sorted(images)
    found: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(chosen), 10_000):
        for image_id, packed in session.execute(
            query.where(Face.image_id.in_(chosen[start : start + 10_000]))
        ):
            found[image_id] = np.frombuffer(packed or b"", "<f4")
    return found


def _two_faces(descriptors: dict[int, NDArray[np.float32]], one: int, other: int) -> bool:
    """Whether the images show different faces, as far as is known."""
    if one not in descriptors or other not in descriptors:
        return False
    return float(np.linalg.norm(descriptors[one] - descriptors[other])) > ONE_FACE
