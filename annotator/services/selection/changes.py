"""One change of a selection of images: previewed, stored as one submission, undone as one. Leases stay as they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.errors import NotFound
from annotator.models import Image, Submission
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.review.queue import is_reviewer
from annotator.services.selection.actions import ACTIONS, Change, Plan, check_change, undo_flags_and_gold
from annotator.services.tasks.leases import leased_to_others

MAX_IMAGES = 10_000
"""The largest number of images of one change, which then takes about a second."""


@dataclass(frozen=True)
class Effect:
    """What a change does: a `Plan` in numbers, and how many of the images others are labelling at the moment."""

    images: int
    changed: int
    same: int
    opinions: int
    unchanged: int
    why: str
    held: int


def preview_change(session: Session, labeller_id: int, change: Change) -> Effect:
    """What a change would do; nothing is stored.

    Raises:
        NotFound: if there is no such image.
        Forbidden: if the action needs a reviewer.
        FacelabelError: if the action, the attribute, the value or the note is wrong.
    """
    return _effect(session, labeller_id, change, _plan(session, labeller_id, change))


def make_change(session: Session, labeller_id: int, key: str, change: Change) -> Effect | None:
    """Store a change as one submission. A repetition with the same key changes nothing, and returns None.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image.
        Forbidden: if the action needs a reviewer.
        FacelabelError: if the action, the attribute, the value or the note is wrong.
    """
    fingerprint = _fingerprint(["selection", *astuple(change)])
    if find_submission(session, key, fingerprint, labeller_id) is not None:
        return None
    plan = _plan(session, labeller_id, change)
    effect = _effect(session, labeller_id, change, plan)
    number = add_submission(
        session, key=key, kind=plan.kind, fingerprint=fingerprint, labeller_id=labeller_id, image_id=None
    )
    plan.write(session.get_one(Submission, number))
    return effect


def undo_change(session: Session, labeller_id: int, key: str, undone_key: str) -> None:
    """Undo a change of this labeller: what was before it counts again. A repetition with the same key changes nothing.

    Raises:
        NotFound: if this labeller made no such change.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = _fingerprint(["undo selection", undone_key])
    if find_submission(session, key, fingerprint, labeller_id) is not None:
        return
    kinds = (SubmissionKind.REVIEW, SubmissionKind.CLEAR)
    target = find_undoable(session, labeller_id, undone_key, kinds=kinds)
    if target.image_id is not None:
        raise NotFound(
            "nothing_to_undo", f"{undone_key!r} changed only one image.", do="Undo it at that image."
        )
    undo_flags_and_gold(session, target)
    undo_submission(session, target, key, fingerprint)


def _plan(session: Session, labeller_id: int, change: Change) -> Plan:
    check_change(change)
    known = session.scalar(select(func.count()).select_from(Image).where(Image.id.in_(change.images)))
    if known != len(change.images):
        raise NotFound(
            "unknown_image",
            "An image of the selection is not in the project.",
            kept="Nothing was changed.",
            do="Load the page again and select anew.",
        )
    return ACTIONS[change.action](session, labeller_id, change)


def _effect(session: Session, labeller_id: int, change: Change, plan: Plan) -> Effect:
    """For a labeller, `held` is 0: who holds an image that is done would tell that it is asked again."""
    reviewer = is_reviewer(session, labeller_id)
    held = len(leased_to_others(session, labeller_id).intersection(change.images)) if reviewer else 0
    numbers = (plan.changed, plan.same, plan.opinions, plan.unchanged)
    return Effect(len(change.images), *numbers, plan.why, held)


def _fingerprint(body: list[object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
