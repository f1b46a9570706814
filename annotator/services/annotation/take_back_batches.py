"""Take-backs in batches, so that labellers never wait for one of a million answers.

The row of a take-back is its journal. Each batch is one transaction of a fraction of a second: some submissions no longer count
(or count again, if the take-back was undone), the labels of their cells follow, and the row says how far it is. Between two
batches everything holds, so a kill loses nothing, and the process that comes next goes on. Answers are undone oldest first
and count again newest first: so no cell shows on the way an answer that it does not show at the end.
"""

from __future__ import annotations

from threading import Event

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind, TakeBackState
from annotator.models import MAX_NUMBER, Annotation, Submission, TakeBack, TakeBackSubmission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk_order import restart_search
from annotator.services.annotation.log import add_submission
from annotator.services.annotation.take_back_choice import Selection, chosen_answers
from annotator.services.annotation.undo import restore_cells

BATCH_CELLS = 2000
"""Cells of one batch; a single submission may have more, unless it is an import."""
_BATCH_SUBMISSIONS = 1000
_REST_SECONDS = 0.05
"""The pause between two batches, in which others write."""
_UNFINISHED = (TakeBackState.RUNNING, TakeBackState.UNDOING)


def continue_take_backs(project: ProjectFolder, *, cells: int = BATCH_CELLS) -> bool:
    """Do the next batch of the oldest unfinished take-back. Returns whether there was one.

    Args:
        project: the project.
        cells: the size of a batch.
    """
    with project.database.read() as session:
        if session.connection().scalar(_ANY) is None:
            return False
    with project.database.write() as session:
        row = session.scalar(_OLDEST)
        if row is not None:
            do_batch(session, row, cells)
    return True


_ANY = select(TakeBack.submission_id).where(TakeBack.state.in_(_UNFINISHED)).limit(1)
_OLDEST = select(TakeBack).where(TakeBack.state.in_(_UNFINISHED)).order_by(TakeBack.submission_id).limit(1)


def do_take_backs(project: ProjectFolder, ended: Event) -> None:
    """Do all batches that there are, until the event is set."""
    while not ended.is_set() and continue_take_backs(project):
        ended.wait(_REST_SECONDS)


def do_batch(session: Session, row: TakeBack, cells: int = BATCH_CELLS) -> None:
    """Do the next batch of an unfinished take-back.

    Args:
        session: a writing session.
        row: the take-back.
        cells: the size of the batch.
    """
    if row.state == TakeBackState.RUNNING:
        _undo_answers(session, row, cells)
    else:
        _restore_answers(session, row, cells)
    session.flush()


def begin_undoing(row: TakeBack) -> None:
    """Turn a take-back round, done or not: its batches bring the answers back, newest first."""
    row.state, row.cursor = TakeBackState.UNDOING, MAX_NUMBER


def _undo_answers(session: Session, row: TakeBack, cells: int) -> None:
    selection = Selection(row.labeller_id, row.import_id, row.import_name, row.since, row.until, row.naming)
    query = (
        select(Submission.id)
        .where(chosen_answers(session, selection), Submission.id > row.cursor, Submission.id <= row.upto)
        .order_by(Submission.id)
    )
    targets = list(session.scalars(query.limit(_BATCH_SUBMISSIONS)))
    batch = _head(session, targets, cells)
    piece = _split_off(session, batch[0], cells) if len(batch) == 1 else None
    if piece is not None:
        batch = [piece]  # of the first one, whose rest comes with the next batches
    elif batch:
        row.cursor = batch[-1]
    if batch:
        rows = [{"submission_id": target, "take_back_id": row.submission_id} for target in batch]
        session.execute(insert(TakeBackSubmission), rows)
        row.covered += len(batch)
        restore_cells(session, row.submission_id, Annotation.submission_id.in_(batch))
    if piece is None and len(batch) == len(targets) < _BATCH_SUBMISSIONS:
        _finish(session, row, TakeBackState.DONE)


def _restore_answers(session: Session, row: TakeBack, cells: int) -> None:
    undo = session.scalars(select(Submission.id).where(Submission.undoes == row.submission_id)).one()
    own: tuple[ColumnElement[bool], ...] = (
        TakeBackSubmission.take_back_id == row.submission_id,
        TakeBackSubmission.submission_id < row.cursor,
    )
    query = select(TakeBackSubmission.submission_id).where(*own)
    query = query.order_by(TakeBackSubmission.submission_id.desc()).limit(_BATCH_SUBMISSIONS)
    targets = list(session.scalars(query))
    batch = _head(session, targets, cells)
    if batch:
        lifted = TakeBackSubmission.submission_id.in_(batch)
        session.execute(update(TakeBackSubmission).where(*own, lifted).values(lifted=True))
        row.cursor = batch[-1]
        row.covered -= len(batch)
        restore_cells(session, undo, Annotation.submission_id.in_(batch))
    if len(batch) == len(targets) < _BATCH_SUBMISSIONS:
        _finish(session, row, TakeBackState.UNDONE)


def _finish(session: Session, row: TakeBack, state: TakeBackState) -> None:
    row.state = state
    row.turns += not row.naming  # a labeller's own names leave the other caches as they are
    restart_search(session)


def _head(session: Session, targets: list[int], cells: int) -> list[int]:
    """The first submissions with so many annotations together; at least one."""
    query = select(Annotation.submission_id, func.count()).where(Annotation.submission_id.in_(targets))
    sizes = dict(session.execute(query.group_by(Annotation.submission_id)).all())
    total = 0
    for place, target in enumerate(targets):
        total += sizes.get(target, 0)
        if total > cells:
            return targets[: max(1, place)]
    return targets


def _split_off(session: Session, number: int, cells: int) -> int | None:
    """Give the first annotations of a large import a submission like it; None if the submission is small or no import.

    An import is one submission however many labels it has, and it means the same as several submissions.
    """
    annotations = select(Annotation.id).where(Annotation.submission_id == number).order_by(Annotation.id)
    large = session.scalar(annotations.offset(cells).limit(1)) is not None
    row = session.get_one(Submission, number)
    if not large or row.kind != SubmissionKind.IMPORT:
        return None
    last = session.scalars(annotations.offset(cells - 1).limit(1)).one()
    piece = add_submission(
        session,
        key=f"{row.key}/{last}",
        kind=row.kind,
        fingerprint=row.fingerprint,
        labeller_id=row.labeller_id,
        image_id=None,
        created_at=row.created_at,
    )
    moved = update(Annotation).where(Annotation.submission_id == number, Annotation.id <= last)
    session.execute(moved.values(submission_id=piece), execution_options={"synchronize_session": False})
    return piece
