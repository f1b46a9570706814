"""Take back many answers at once: those of a labeller, of an import, of a time span, or of a combination of these.

A take-back is one submission and is undone as one. Its answers count as if each of their submissions had been undone: the log
keeps them, and every cell gets its newest other answer back or is open again (`undo.restore_cells`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, insert, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.states import JobState, SubmissionKind
from annotator.errors import Conflict, NotFound, WrongUse
from annotator.models import (
    Annotation,
    Import,
    Labeller,
    Submission,
    TakeBack,
    TakeBackSubmission,
)
from annotator.services.annotation.bulk_order import restart_search
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.annotation.take_back_effect import ANSWERS, Effect, effect_of
from annotator.services.annotation.undo import (
    restore_cells,
    undo_submission,
)
from annotator.services.common.undone import is_undone

_LISTED = 50


@dataclass(frozen=True)
class Selection:
    """Which answers are meant; arguments that are None choose everything, and at least one must be set.

    Args:
        labeller_id: the labeller; a program, an import or an aggregation may be one.
        import_id: the number of an upload.
        import_name: the name of an imported file or folder.
        since: given at this time or later.
        until: given before this time.
        naming: only names given on the page *People*.
    """

    labeller_id: int | None = None
    import_id: int | None = None
    import_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    naming: bool = False

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        times = [time.isoformat() if time else None for time in (self.since, self.until)]
        body = ["take back", self.labeller_id, self.import_id, self.import_name, *times, self.naming]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class PastTakeBack:
    """A take-back, for the list. `by`: who did it; `undone`: whether it was undone."""

    key: str
    by: str
    created_at: datetime
    undone: bool
    labeller: str | None
    import_id: int | None
    import_name: str | None
    since: datetime | None
    until: datetime | None
    naming: bool
    effect: Effect


def preview_take_back(session: Session, selection: Selection) -> Effect:
    """Count what `take_back` would change now, without changing anything.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import.
    """
    return effect_of(session, _chosen(session, selection))


def take_back(session: Session, labeller_id: int, key: str, selection: Selection) -> Effect:
    """Take back answers. A repetition with the same key changes nothing and returns the same effect.

    Args:
        session: a writing session.
        labeller_id: who does it.
        key: the idempotency key.
        selection: which answers.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import, or the selection has no answer that still counts.
        Conflict: if the key was used for another request.
    """
    existing = find_submission(session, key, selection.fingerprint(), labeller_id)
    if existing is not None:
        return Effect(**session.get_one(TakeBack, existing.id).effect)
    chosen = _chosen(session, selection)
    effect = effect_of(session, chosen)
    if effect.submissions == 0:
        raise NotFound(
            "nothing_to_take_back",
            "No answer that still counts was chosen.",
            kept="Nothing was changed.",
            do="Choose another labeller, import or time span.",
        )
    targets = list(session.scalars(select(Submission.id).where(chosen, Submission.kind.in_(ANSWERS))))
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.TAKE_BACK,
        fingerprint=selection.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
    )
    session.add(TakeBack(submission_id=submission_id, effect=asdict(effect), **vars(selection)))
    session.flush()
    rows = [{"submission_id": target, "take_back_id": submission_id} for target in targets]
    session.execute(insert(TakeBackSubmission), rows)
    covered = select(TakeBackSubmission.submission_id).where(TakeBackSubmission.take_back_id == submission_id)
    restore_cells(session, submission_id, Annotation.submission_id.in_(covered))
    restart_search(session)
    return effect


def undo_take_back(
    session: Session, labeller_id: int, key: str, undone_key: str, *, only_own: bool = False
) -> None:
    """Undo a take-back: its answers count again. A repetition with the same key changes nothing.

    Args:
        session: a writing session.
        labeller_id: who undoes it.
        key: the idempotency key of the undo.
        undone_key: the key of the take-back.
        only_own: whether somebody else's take-back is refused.

    Raises:
        NotFound: if there is no such take-back.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo take back:{undone_key}".encode()).hexdigest()
    if find_submission(session, key, fingerprint, labeller_id) is not None:
        return
    target = session.scalar(
        select(Submission).where(Submission.key == undone_key, Submission.kind == SubmissionKind.TAKE_BACK)
    )
    if target is None or (only_own and target.labeller_id != labeller_id):
        raise NotFound(
            "unknown_take_back",
            f"There is no take-back {undone_key!r}.",
            do="The page Team and `facelabel take-back --list` list them with their keys.",
        )
    if session.scalar(select(is_undone()).where(Submission.id == target.id)):
        raise Conflict("already_undone", "It was undone already.", do="Load the page again.")
    undo_submission(session, target, key, fingerprint, labeller_id=labeller_id)
    restart_search(session)


def list_take_backs(session: Session) -> list[PastTakeBack]:
    """List the last take-backs, newest first."""
    by, whose = aliased(Labeller), aliased(Labeller)
    query = (
        select(TakeBack, Submission.key, Submission.created_at, by.name, whose.name, is_undone())
        .join(Submission, Submission.id == TakeBack.submission_id)
        .join(by, by.id == Submission.labeller_id)
        .outerjoin(whose, whose.id == TakeBack.labeller_id)
        .order_by(TakeBack.submission_id.desc())
        .limit(_LISTED)
    )
    return [
        PastTakeBack(
            key,
            who,
            created_at,
            bool(undone),
            labeller,
            row.import_id,
            row.import_name,
            row.since,
            row.until,
            row.naming,
            Effect(**row.effect),
        )
        for row, key, created_at, who, labeller, undone in session.execute(query)
    ]


def _chosen(session: Session, selection: Selection) -> ColumnElement[bool]:
    """The chosen submissions that still count, as a condition on `Submission`; changes of people are among them."""
    conditions = [~is_undone()]
    if selection.labeller_id is not None:
        if session.get(Labeller, selection.labeller_id) is None:
            raise NotFound(
                "unknown_labeller",
                f"There is no labeller {selection.labeller_id}.",
                do="GET /api/v1/team lists them.",
            )
        conditions.append(Submission.labeller_id == selection.labeller_id)
    if selection.import_id is not None:
        conditions.append(_of_upload(session, selection.import_id))
    if selection.import_name is not None:
        conditions.append(_of_source(session, selection.import_name))
    if selection.since is not None:
        conditions.append(Submission.created_at >= selection.since)
    if selection.until is not None:
        conditions.append(Submission.created_at < selection.until)
    if selection.naming:
        conditions.append(Submission.kind == SubmissionKind.PEOPLE)
    if len(conditions) == 1:
        raise WrongUse(
            "nothing_chosen",
            "No labeller, import or time span was chosen.",
            do="Choose at least one of them.",
        )
    if selection.since and selection.until and selection.since >= selection.until:
        raise WrongUse("empty_time_span", "The time span ends before it begins.", do="Choose a later end.")
    return and_(*conditions)


def _of_upload(session: Session, number: int) -> ColumnElement[bool]:
    """The labels of an upload. One worker runs one import at a time, so its name and its time tell them from others."""
    row = session.get(Import, number)
    if row is None:
        raise NotFound(
            "unknown_import", f"There is no import {number}.", do="The import page lists the imports."
        )
    if row.state != JobState.DONE or row.dry_run or row.started_at is None or row.finished_at is None:
        raise NotFound(
            "not_imported",
            f"The import {number} of {row.name} has not brought any label.",
            do="Choose an import that is done.",
        )
    return and_(
        Submission.kind == SubmissionKind.IMPORT,
        Submission.fingerprint == row.name,
        Submission.created_at.between(row.started_at, row.finished_at),
    )


def _of_source(session: Session, name: str) -> ColumnElement[bool]:
    """The labels of all imports of sources with this name."""
    imported = and_(Submission.kind == SubmissionKind.IMPORT, Submission.fingerprint == name)
    if session.scalar(select(Submission.id).where(imported).limit(1)) is None:
        names = session.scalars(
            select(Submission.fingerprint)
            .where(Submission.kind == SubmissionKind.IMPORT)
            .distinct()
            .order_by(Submission.fingerprint)
            .limit(_LISTED)
        )
        known = ", ".join(names) or "none"
        raise NotFound(
            "unknown_import",
            f"No labels were imported from {name!r}.",
            do=f"The sources of imported labels are: {known}.",
        )
    return imported
