"""Take back many answers at once: those of a labeller, of an import, of a time span, or of a combination of these.

A take-back is one submission and is undone as one. Its answers count as if each of their submissions had been undone: the log
keeps them, and every cell gets its newest other answer back or is open again (`undo.restore_cells`).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.states import SubmissionKind, TakeBackState
from annotator.errors import Conflict, NotFound
from annotator.models import Labeller, Submission, TakeBack
from annotator.services.annotation.log import add_submission, find_submission
from annotator.services.annotation.take_back_batches import BATCH_CELLS, begin_undoing, do_batch
from annotator.services.annotation.take_back_choice import Selection, chosen_answers, chosen_submissions
from annotator.services.annotation.take_back_effect import Effect, effect_of
from annotator.services.common.undone import is_undone

_LISTED = 50


@dataclass(frozen=True)
class PastTakeBack:
    """A take-back, for the list. `by`: who did it; `undone`: whether it was undone.

    `state` (a TakeBackState): whether batches are left; `covered`: how many submissions do not count now because of it.
    """

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
    state: str
    covered: int
    effect: Effect


def preview_take_back(session: Session, selection: Selection) -> Effect:
    """Count what `take_back` would change now, without changing anything.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import.
    """
    return effect_of(session, chosen_submissions(session, selection))


def earlier_take_back(session: Session, labeller_id: int, key: str, selection: Selection) -> Effect | None:
    """The effect of the take-back with this key; None if there is none.

    Raises:
        Conflict: if the key was used for another request.
    """
    existing = find_submission(session, key, selection.fingerprint(), labeller_id)
    return None if existing is None else Effect(**session.get_one(TakeBack, existing.id).effect)


def take_back(
    session: Session,
    labeller_id: int,
    key: str,
    selection: Selection,
    effect: Effect | None = None,
    *,
    cells: int = BATCH_CELLS,
) -> Effect:
    """Take back answers, or the first batch of them if they are many; `continue_take_backs` then goes on.

    A repetition with the same key changes nothing and returns the same effect.

    Args:
        session: a writing session.
        labeller_id: who does it.
        key: the idempotency key.
        selection: which answers.
        effect: what changes, if the caller counted it already, because counting many answers takes a while.
        cells: the size of a batch.

    Raises:
        WrongUse: if nothing was chosen, or the time span is empty.
        NotFound: if there is no such labeller or import, or the selection has no answer that still counts.
        Conflict: if the key was used for another request.
    """
    earlier = earlier_take_back(session, labeller_id, key, selection)
    if earlier is not None:
        return earlier
    chosen = chosen_answers(session, selection)
    effect = effect or preview_take_back(session, selection)
    newest = session.scalar(select(func.max(Submission.id))) or 0
    if session.scalar(select(Submission.id).where(chosen).limit(1)) is None:
        raise NotFound(
            "nothing_to_take_back",
            "No answer that still counts was chosen.",
            kept="Nothing was changed.",
            do="Choose another labeller, import or time span.",
        )
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.TAKE_BACK,
        fingerprint=selection.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
    )
    row = TakeBack(
        submission_id=submission_id, effect=asdict(effect), state=TakeBackState.RUNNING, cursor=0, upto=newest,
        covered=0, turns=0, **vars(selection),
    )  # fmt: skip
    session.add(row)
    session.flush()
    do_batch(session, row, cells)
    return effect


def undo_take_back(
    session: Session,
    labeller_id: int,
    key: str,
    undone_key: str,
    *,
    only_own: bool = False,
    cells: int = BATCH_CELLS,
) -> None:
    """Undo a take-back, or its first batch if its answers are many: they count again.

    One that still runs is turned round where it is. A repetition with the same key changes nothing.

    Args:
        session: a writing session.
        labeller_id: who undoes it.
        key: the idempotency key of the undo.
        undone_key: the key of the take-back.
        only_own: whether somebody else's take-back is refused.
        cells: the size of a batch.

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
    add_submission(
        session,
        key=key,
        kind=SubmissionKind.UNDO,
        fingerprint=fingerprint,
        labeller_id=labeller_id,
        image_id=None,
        undoes=target.id,
    )
    row = session.get_one(TakeBack, target.id)
    begin_undoing(row)
    do_batch(session, row, cells)


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
            row.state,
            row.covered,
            Effect(**row.effect),
        )
        for row, key, created_at, who, labeller, undone in session.execute(query)
    ]
