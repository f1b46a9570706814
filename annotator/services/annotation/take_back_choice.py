"""Which answers a take-back means, as a condition on submissions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from annotator.domain.states import JobState, SubmissionKind
from annotator.errors import NotFound, WrongUse
from annotator.models import Import, Labeller, Submission
from annotator.services.annotation.take_back_effect import ANSWERS
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


def chosen_answers(session: Session, selection: Selection) -> ColumnElement[bool]:
    """The submissions that `chosen_submissions` chooses, without changes of people.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import.
    """
    return and_(chosen_submissions(session, selection), Submission.kind.in_(ANSWERS))


def chosen_submissions(session: Session, selection: Selection) -> ColumnElement[bool]:
    """The chosen submissions that still count, as a condition on `Submission`; changes of people are among them.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import.
    """
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
