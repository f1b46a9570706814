"""Excluding images: an excluded image no longer counts anywhere, and keeps its labels, its history and its file.

An exclusion is a submission like an answer: kept once per idempotency key, and undone by a further submission. The condition
that an image counts is in services/common/counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, case, delete, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.exclusions import ExclusionReason
from annotator.domain.notes import clean_note
from annotator.domain.states import SubmissionKind
from annotator.errors import NotFound, WrongUse
from annotator.models import Exclusion, Image, Labeller, Lease, Submission
from annotator.services.annotation.bulk_order import restart_search
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.common.counted import COUNTED
from annotator.services.common.progress import add_counted, add_done
from annotator.services.common.undone import is_undone
from annotator.services.tasks.overlap import update_wanted_opinions

MOST_IMAGES = 10_000
"""Images that one submission excludes or restores at most."""


@dataclass(frozen=True)
class ToExclude:
    """Images to exclude, all or none.

    Args:
        key: the idempotency key.
        image_ids: the images.
        reason: why.
        note: a note, may be empty.
        milliseconds: how long the labeller looked at the image.
    """

    key: str
    image_ids: tuple[int, ...]
    reason: ExclusionReason
    note: str = ""
    milliseconds: int | None = None

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        return _hash(["exclude", sorted(self.image_ids), self.reason, self.note])


@dataclass(frozen=True)
class Changed:
    """What became of a submission: the images that it excluded or restored; the others were so already."""

    key: str
    image_ids: list[int]


@dataclass(frozen=True)
class ExclusionDetail:
    """Why an image does not count: who excluded it, when, and for what reason."""

    reason: ExclusionReason
    note: str
    labeller: str
    created_at: datetime


def exclude(session: Session, labeller_id: int, wanted: ToExclude) -> Changed:
    """Exclude images, all or none. Their leases end; images that are excluded already stay as they are.

    A repetition with the same key changes nothing and returns the same outcome.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image; nothing is excluded then.
        FacelabelError: if an image occurs twice, or the note is too long or not plain text.
    """
    note = clean_note(wanted.note, needed=False)
    existing = find_submission(session, wanted.key, wanted.fingerprint(), labeller_id)
    if existing is not None:
        return _outcome(session, existing)
    images = _states(session, wanted.image_ids)
    submission_id = add_submission(
        session,
        key=wanted.key,
        kind=SubmissionKind.EXCLUDE,
        fingerprint=wanted.fingerprint(),
        labeller_id=labeller_id,
        image_id=wanted.image_ids[0] if len(wanted.image_ids) == 1 else None,
        milliseconds=wanted.milliseconds,
    )
    counting = [image for image, is_excluded in images.items() if not is_excluded]
    _write(session, submission_id, counting, wanted.reason, note)
    return Changed(wanted.key, counting)


def restore(session: Session, labeller_id: int, key: str, image_ids: Collection[int]) -> Changed:
    """Let excluded images count again, all or none, no matter who excluded them. The caller checks that the labeller may.

    A repetition with the same key changes nothing and returns the same outcome.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image; nothing is restored then.
        FacelabelError: if an image occurs twice.
    """
    fingerprint = _hash(["restore", sorted(image_ids)])
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        return _outcome(session, existing)
    images = _states(session, image_ids)
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.RESTORE,
        fingerprint=fingerprint,
        labeller_id=labeller_id,
        image_id=next(iter(image_ids)) if len(image_ids) == 1 else None,
    )
    excluded = [image for image, is_excluded in images.items() if is_excluded]
    _write(session, submission_id, excluded, None, "")
    return Changed(key, excluded)


def undo_exclusions(session: Session, target_id: int) -> None:
    """Make the images of an undone submission what the log without it says; its undo is in the log already."""
    follow_log(session, images_of_exclusion(session, target_id))


def images_of_exclusion(session: Session, submission_id: int) -> list[int]:
    """The ids of the images that a submission excluded or restored."""
    query = select(Exclusion.image_id).where(Exclusion.submission_id == submission_id)
    return list(session.scalars(query.order_by(Exclusion.image_id)))


def exclusions_of(session: Session, image_ids: Collection[int]) -> dict[int, ExclusionDetail]:
    """Who excluded images, when and why, by image id; images that count are missing."""
    query = (
        select(Image.id, Exclusion.reason, Exclusion.note, Labeller.name, Submission.created_at)
        .join(Exclusion, Exclusion.id == Image.exclusion_id)
        .join(Submission, Submission.id == Exclusion.submission_id)
        .join(Labeller, Labeller.id == Submission.labeller_id)
        .where(Image.id.in_(image_ids))
    )
    return {
        row.id: ExclusionDetail(ExclusionReason(row.reason or ""), row.note, row.name, row.created_at)
        for row in session.execute(query)
    }


def exclusion_of(session: Session, image_id: int) -> ExclusionDetail | None:
    """Who excluded an image, when and why; None if it counts."""
    return exclusions_of(session, [image_id]).get(image_id)


def excluded_among(session: Session, image_ids: Collection[int]) -> list[int]:
    """Those of some images that are excluded, by id."""
    return list(session.scalars(select(Image.id).where(Image.id.in_(image_ids), ~COUNTED).order_by(Image.id)))


def find_by_name(session: Session, names: Collection[str]) -> list[int]:
    """The ids of the images with these names, in the same order.

    Raises:
        NotFound: if there is no image with one of the names.
    """
    ids = dict(session.execute(select(Image.name, Image.id).where(Image.name.in_(names))).all())
    missing = [name for name in names if name not in ids]
    if missing:
        raise NotFound(
            "unknown_image",
            f"The project has no image {missing[0]!r}.",
            do="Write the name as Browse and labels.csv show it.",
        )
    return [ids[name] for name in names]


def _states(session: Session, image_ids: Collection[int]) -> dict[int, bool]:
    """Whether each image is excluded now, in the given order."""
    if not 1 <= len(image_ids) <= MOST_IMAGES or len(set(image_ids)) < len(image_ids):
        raise WrongUse(
            "bad_request",
            f"One request names 1 to {MOST_IMAGES:,} images, and no image twice.",
            do="Send each image once.",
        )
    query = select(Image.id, Image.exclusion_id.is_not(None)).where(Image.id.in_(image_ids))
    states = dict(session.execute(query).all())
    missing = next((image for image in image_ids if image not in states), None)
    if missing is not None:
        raise NotFound("unknown_image", f"There is no image {missing}.", do="Load the page again.")
    return {image: bool(states[image]) for image in image_ids}


def _write(session: Session, submission_id: int, image_ids: list[int], reason: str | None, note: str) -> None:
    """Add a row of the log for each image."""
    if image_ids:
        rows = [
            {"submission_id": submission_id, "image_id": image, "reason": reason, "note": note}
            for image in image_ids
        ]
        session.connection().execute(insert(Exclusion), rows)
        follow_log(session, image_ids)


def follow_log(session: Session, image_ids: list[int]) -> None:
    """Make images what the newest row of each that was not undone says, and update counts, leases and wanted opinions."""
    if not image_ids:
        return
    connection, counted, done = session.connection(), *_counted_and_done(session, image_ids)
    connection.execute(_FOLLOW, {"image_ids": image_ids})
    counted_now, done_now = _counted_and_done(session, image_ids)
    add_counted(session, counted_now - counted)
    add_done(session, done_now - done)
    excluded = select(Image.id).where(Image.id.in_(image_ids), ~COUNTED)
    connection.execute(delete(Lease).where(Lease.image_id.in_(excluded)))
    session.flush()
    session.expire_all()  # the session may hold old copies of these images
    update_wanted_opinions(session, image_ids)
    restart_search(session)


def _counted_and_done(session: Session, ids: list[int]) -> tuple[int, int]:
    done = func.coalesce(func.sum((Image.open_cells == 0).cast(Integer)), 0)
    counted, finished = session.execute(
        select(func.count(), done).select_from(Image).where(Image.id.in_(ids), COUNTED)
    ).one()
    return counted, finished


def _outcome(session: Session, row: Submission) -> Changed:
    return Changed(row.key, images_of_exclusion(session, row.id))


def _hash(body: list[object]) -> str:
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


_NEWEST = (
    select(case((Exclusion.reason.is_not(None), Exclusion.id)))
    .join(Submission, Submission.id == Exclusion.submission_id)
    .where(Exclusion.image_id == Image.id, ~is_undone())
    .order_by(Exclusion.id.desc())
    .limit(1)
    .scalar_subquery()
)
_FOLLOW = update(Image).where(is_listed(Image.id, "image_ids")).values(exclusion_id=_NEWEST)
