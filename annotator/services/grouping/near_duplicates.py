"""Finding the near-duplicates of a project: which image repeats which.

An image repeats the first imported image that shows nearly the same picture: their perceptual hashes differ in few bits,
and if a face was found in both, the descriptors belong to one person. Images with a group from their source stay in it. A
later image never moves the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.grouping.near_duplicates import near_pairs
from annotator.domain.states import TieKind
from annotator.models import Face, GroupDecision, Image
from annotator.project import ProjectFolder
from annotator.services.grouping.membership import mark_stale
from annotator.services.grouping.rebuild import settle_groups

ONE_FACE = 0.6
"""The largest distance of two descriptors of one person (dlib's threshold)."""


def find_near_duplicates(project: ProjectFolder) -> int:
    """Find which image repeats which and update the groups; return the number of near-duplicates."""
    with project.database.read() as session:
        originals = _originals(session)
        before = dict(
            session.execute(select(Image.id, Image.twin_of).where(Image.twin_of.is_not(None))).all()
        )
    changed = [
        {"id": i, "twin_of": originals.get(i)}
        for i in {*originals, *before}
        if originals.get(i) != before.get(i)
    ]
    with project.database.write() as session:
        named = [row[column] for row in changed for column in ("id", "twin_of")]
        present = {None, *images_left(session, [number for number in named if number is not None])}
        changed = [row for row in changed if row["id"] in present and row["twin_of"] in present]
        if changed:
            session.execute(update(Image), changed)
            mark_stale(session)
        settle_groups(session)
    return len(originals)


def images_left(session: Session, ids: Sequence[int]) -> set[int]:
    """Return those of the images that the project still has; others were erased while something was computed about them."""
    left = set[int]()
    for start in range(0, len(ids), 10_000):
        left |= set(session.scalars(select(Image.id).where(Image.id.in_(ids[start : start + 10_000]))))
    return left


def near_images(session: Session) -> list[tuple[int, int]]:
    """Return pairs of ids of images that show nearly the same picture and that no reviewer has cut."""
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


def _originals(session: Session) -> dict[int, int]:
    """The id of the first image that an image repeats, by the id of the image."""
    has_source_group = set(session.scalars(select(Image.id).where(Image.given_group.is_not(None))))
    first: dict[int, int] = {}
    for earlier, later in sorted(near_images(session), key=lambda pair: (pair[1], pair[0])):
        if later not in has_source_group and later not in first:
            first[later] = first.get(earlier, earlier)
    return first


def _cuts(session: Session) -> set[tuple[int, int]]:
    query = select(GroupDecision.first_id, GroupDecision.second_id).where(
        GroupDecision.kind == TieKind.CUT, GroupDecision.undone_at.is_(None)
    )
    return {(min(pair), max(pair)) for pair in session.execute(query)}


def _descriptors(session: Session, images: set[int]) -> dict[int, NDArray[np.float32]]:
    query = select(Face.image_id, Face.descriptor).where(Face.number == 0, Face.descriptor.is_not(None))
    chosen = sorted(images)
    descriptors: dict[int, NDArray[np.float32]] = {}
    for start in range(0, len(chosen), 10_000):
        for image_id, packed in session.execute(
            query.where(Face.image_id.in_(chosen[start : start + 10_000]))
        ):
            descriptors[image_id] = np.frombuffer(packed or b"", "<f4")
    return descriptors


def _two_faces(descriptors: dict[int, NDArray[np.float32]], first: int, second: int) -> bool:
    """Whether both images have a described face, and the faces differ."""
    if first not in descriptors or second not in descriptors:
        return False
    return float(np.linalg.norm(descriptors[first] - descriptors[second])) > ONE_FACE
