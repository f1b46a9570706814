"""Corrections from *Browse* and *Review*: answers without a lease. A reviewer's correction can decide the cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from annotator.domain.precedence import KeptAs, Way, decide
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import NotFound, WrongUse
from annotator.services.annotation.log import add_submission, annotate, find_submission
from annotator.services.annotation.standing import read_image_state
from annotator.services.annotation.submit import Answer, code_of_answer
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.review.details import unknown_image
from annotator.services.review.own_answers import check_answered
from annotator.services.review.queue import check_reviewer, own_view
from annotator.services.schema.active import active_schema


@dataclass(frozen=True)
class Correction:
    """New answers to some cells of an image. `adjudicate`: a reviewer decides these cells."""

    key: str
    image_id: int
    values: Mapping[str, Answer]
    adjudicate: bool = False

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        body = ["review", self.image_id, dict(self.values), self.adjudicate]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def correct(session: Session, labeller_id: int, correction: Correction) -> None:
    """Keep a correction. A repetition with the same key changes nothing. Leases stay as they are.

    A correction without `adjudicate` of a cell that a reviewer decided is kept as an opinion. A labeller corrects only images
    that they answered, and a label of somebody else stays.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image.
        Forbidden: if the labeller is no reviewer, and adjudicates or has not answered the image.
        FacelabelError: if the correction has no value, or an attribute or a value is not in the schema.
    """
    if find_submission(session, correction.key, correction.fingerprint(), labeller_id) is not None:
        return
    if correction.adjudicate:
        check_reviewer(session, labeller_id)
    if not correction.values:
        raise WrongUse("bad_request", "A correction needs at least one value.", do="Send values.")
    state = read_image_state(session, correction.image_id, labeller_id)
    if state is None:
        raise unknown_image(correction.image_id)
    own_of = own_view(session, labeller_id)
    if own_of is not None:
        check_answered(session, own_of, correction.image_id)
    active = active_schema(session)
    codes = {name: code_of_answer(session, active.schema, name, v) for name, v in correction.values.items()}
    submission_id = add_submission(
        session,
        key=correction.key,
        kind=SubmissionKind.REVIEW,
        fingerprint=correction.fingerprint(),
        labeller_id=labeller_id,
        image_id=correction.image_id,
    )
    way = Way.DECISION if correction.adjudicate else Way.CORRECTION if own_of is None else Way.REVISION
    opinions = {name for name in codes if decide(state.cell(active.ids[name]), way) is KeptAs.OPINION}
    origins = dict.fromkeys(codes, Origin.REVIEW if correction.adjudicate else Origin.HUMAN)
    origins |= dict.fromkeys(opinions, Origin.OPINION)
    annotate(session, active, correction.image_id, submission_id, codes, origins)


def undo_correction(session: Session, labeller_id: int, key: str, image_id: int, undone_key: str) -> None:
    """Undo a correction: the answers before it count again. A repetition with the same key changes nothing.

    Raises:
        NotFound: if this labeller made no such correction of this image.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo review:{image_id}:{undone_key}".encode()).hexdigest()
    if find_submission(session, key, fingerprint, labeller_id) is not None:
        return
    target = find_undoable(session, labeller_id, undone_key, kinds=(SubmissionKind.REVIEW,))
    if target.image_id != image_id:
        raise NotFound(
            "nothing_to_undo",
            f"{undone_key!r} is no correction of image {image_id}.",
            do="Send the key of a correction of this image.",
        )
    undo_submission(session, target, key, fingerprint)
