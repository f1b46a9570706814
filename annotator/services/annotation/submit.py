"""Answers to one image, from the label page: kept once per idempotency key, and undone by a further submission."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from annotator.domain.precedence import Holder, KeptAs, Way, decide
from annotator.domain.schema import Attribute, Schema
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import FacelabelError, NotFound
from annotator.models import (
    Annotation,
    AttributeRow,
    Lease,
    Skip,
    Submission,
)
from annotator.services.annotation.exclude import ExclusionDetail, exclusion_of
from annotator.services.annotation.log import add_submission, annotate, find_submission
from annotator.services.annotation.standing import read_image_state
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.schema.active import active_schema, unknown_attribute
from annotator.services.schema.open_values import code_of_person

Answer = int | str | None
"""A code, the name of a person (open attributes), or None for "can't tell"."""


@dataclass(frozen=True)
class Submitted:
    """An answer as the label page sends it.

    Args:
        key: the idempotency key.
        image_id: the image.
        lease: the token of the lease.
        values: attribute → value.
        accepted: attributes whose suggestion was taken.
        corrected: attributes whose suggestion was shown and not taken.
        skip: whether the labeller skips the image.
        milliseconds: how long the answer took.
        reason: why the image was skipped.
    """

    key: str
    image_id: int
    lease: str | None
    values: Mapping[str, Answer]
    accepted: frozenset[str] = field(default=frozenset())
    corrected: frozenset[str] = field(default=frozenset())
    skip: bool = False
    milliseconds: int | None = None
    reason: str | None = None

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        body = [self.image_id, self.lease, dict(self.values), sorted(self.accepted), self.skip]
        body += [self.reason] if self.reason else []
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What became of an answer.

    `late`: the answer came without its lease, and somebody else holds the image or a cell, so that at least one value is only
    an opinion. `excluded`: somebody excluded the image meanwhile; the answer is kept, and counts if the image is restored.
    """

    key: str
    image_id: int
    labels: dict[str, int | None]
    late: bool
    excluded: ExclusionDetail | None = None


def submit(session: Session, labeller_id: int, submitted: Submitted) -> Outcome:
    """Keep an answer. A repetition with the same key changes nothing and returns the same outcome.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image.
        FacelabelError: if an attribute or a value is not in the schema.
    """
    existing = find_submission(session, submitted.key, submitted.fingerprint(), labeller_id)
    if existing is not None:
        return _outcome(session, existing)
    state = read_image_state(session, submitted.image_id, labeller_id, submitted.lease)
    if state is None:
        raise NotFound(
            "unknown_image", f"There is no image {submitted.image_id}.", do="Ask for the next task."
        )
    active = active_schema(session)
    values = {active.current_name(name): value for name, value in submitted.values.items()}
    codes = {name: code_of_answer(session, active.schema, name, value) for name, value in values.items()}
    opinions = {n for n in codes if decide(state.cell(active.ids[n]), Way.ANSWER) is KeptAs.OPINION}
    late = state.holder is Holder.OTHER or (state.holder is Holder.NOBODY and bool(opinions))
    # An older page may show suggestions all the same: what it saw is not compared.
    compared = not (state.withheld and (submitted.accepted or submitted.corrected))
    submission_id = add_submission(
        session,
        key=submitted.key,
        kind=SubmissionKind.SKIP if submitted.skip else SubmissionKind.ANSWER,
        fingerprint=submitted.fingerprint(),
        labeller_id=labeller_id,
        image_id=submitted.image_id,
        late=late,
        milliseconds=submitted.milliseconds,
        drawn=state.drawn,
        withheld=state.withheld if compared else None,
        suggested=state.suggested if compared else None,
    )
    if submitted.skip:
        session.merge(Skip(image_id=submitted.image_id, labeller_id=labeller_id, reason=submitted.reason))
    if state.holder is not Holder.OTHER:
        session.connection().execute(_END_LEASE, {"image_id": submitted.image_id})
    origins = {name: Origin.SUGGESTION if name in submitted.accepted else Origin.HUMAN for name in codes}
    origins |= dict.fromkeys(opinions, Origin.OPINION)
    annotate(session, active, submitted.image_id, submission_id, codes, origins, submitted.corrected)
    excluded = exclusion_of(session, submitted.image_id) if state.excluded else None
    return Outcome(submitted.key, submitted.image_id, codes, late, excluded)


def undo(
    session: Session, labeller_id: int, key: str, undone_key: str | None
) -> tuple[Submission, dict[str, int | None]]:
    """Undo an answer, a skip or the exclusion of one image of this labeller.

    Args:
        session: a writing session.
        labeller_id: the labeller.
        key: the idempotency key of the undo.
        undone_key: the key of the answer; None: the last one that was not undone.

    Returns:
        The submission that was undone, and its values.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo:{undone_key}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
        return target, _values_of(session, target.id)
    kinds = (SubmissionKind.ANSWER, SubmissionKind.SKIP, SubmissionKind.EXCLUDE)
    target = find_undoable(session, labeller_id, undone_key, kinds=kinds, of_one_image=True)
    values = _values_of(session, target.id)
    undo_submission(session, target, key, fingerprint)
    if target.kind == SubmissionKind.SKIP:
        session.execute(delete(Skip).where(Skip.image_id == target.image_id, Skip.labeller_id == labeller_id))
    return target, values


def _outcome(session: Session, row: Submission) -> Outcome:
    assert row.image_id is not None
    values, excluded = _values_of(session, row.id), exclusion_of(session, row.image_id)
    return Outcome(row.key, row.image_id, values, row.late, excluded)


def _values_of(session: Session, submission_id: int) -> dict[str, int | None]:
    query = (
        select(AttributeRow.name, Annotation.code)
        .join(Annotation, Annotation.attribute_id == AttributeRow.id)
        .where(Annotation.submission_id == submission_id)
        .order_by(Annotation.id)
    )
    return dict(session.execute(query).all())


def code_of_answer(session: Session, schema: Schema, name: str, value: Answer) -> int | None:
    """Return the code of an answered value, None for "can't tell". A new name of a person is added.

    Raises:
        FacelabelError: if the schema has no such attribute or value.
    """
    try:
        attribute = schema[name]
    except KeyError:
        raise unknown_attribute(schema, name) from None
    if value is None:
        return None
    if attribute.kind == "open":
        return code_of_person(session, name, value)
    code = attribute.current(value) if type(value) is int else None
    if not any(v.code == code and v.status == "active" for v in attribute.values):
        raise _unknown_value(attribute, value)
    return code


def _unknown_value(attribute: Attribute, value: Answer) -> FacelabelError:
    values = ", ".join(f"{v.code} {v.name}" for v in attribute.values if v.status == "active")
    return FacelabelError(
        "unknown_value",
        f"{attribute.name} has no value {value!r}.",
        do=f"Its values are {values}; null means can't tell.",
    )


_END_LEASE = delete(Lease).where(Lease.image_id == bindparam("image_id"))
