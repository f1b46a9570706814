"""What the worker does for certificates, in short transactions.

A certificate fills its cells in two stages. While it is `filling`, its cells are covered batch by batch: nobody is asked about
them any more, and those of levels that were not accepted are forgotten. The last transaction makes it `filled`, and only then
its cells count as filled, all at once. A kill leaves it `filling`, and the next worker goes on. An ended certificate counts for
nothing at once, and its cells are uncovered and forgotten batch by batch. After every transaction `open_cells` is right.
"""

from __future__ import annotations

import time
from threading import Event

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import CertificateState
from annotator.models import Certificate, CertificateCell, Predictions
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk_order import restart_search
from annotator.services.certificates.decide import decide_certificate, is_answered, reason_to_lapse
from annotator.services.certificates.prepare import prepare
from annotator.services.certificates.undo import end
from annotator.services.common.open_cells import shift_open_cells
from annotator.services.tasks.cursor import reset_cursors

BATCH_CELLS, UNDO_CELLS = 4000, 5000
"""Cells that one transaction covers, and uncovers: some 60 ms each. Each batch changes the queue's indexes all over, so that
smaller ones would write most of their pages more often."""
_REST_SECONDS, _REST_OF_UNDO = 0.02, 0.01
"""The pause between two batches, in which others write; somebody waits for an undo."""
_GROUND_SECONDS = 5.0
"""How often the samples of filled certificates are looked at."""
_ENDED = (CertificateState.FAILED, CertificateState.UNDONE, CertificateState.LAPSED)


def continue_certificates(project: ProjectFolder) -> bool:
    """Do the next piece of work for certificates, in a transaction of a fraction of a second. Returns whether there was any.

    Commands without a worker call it until it returns False.
    """
    return _continue(project) is not None


def _continue(project: ProjectFolder) -> float | None:
    """Do the next piece of work; return for how many seconds others may then write, None if there was no work."""
    with project.database.read() as session:
        work = session.execute(_WORK).first()
        if work is None:
            return _REST_SECONDS if _decide_answered(project, session) else None
    number, state = work
    if state == CertificateState.PREPARING:
        prepare(project, number)
        return _REST_SECONDS
    with project.database.write(durable=False, many=True) as session:
        row = session.get_one(Certificate, number)
        if row.state == CertificateState.FILLING:
            _cover(session, row)
        elif row.state in _ENDED:
            _uncover(session, row)
            return _REST_OF_UNDO
    return _REST_SECONDS


_WORK = (
    select(Certificate.id, Certificate.state)
    .where(
        or_(
            Certificate.state.in_((CertificateState.PREPARING, CertificateState.FILLING)),
            Certificate.state.in_(_ENDED) & exists().where(CertificateCell.certificate_id == Certificate.id),
        )
    )
    # What is undone opens at once; what is filled saves people's time; preparing takes longest.
    .order_by(Certificate.state == CertificateState.PREPARING, Certificate.state == CertificateState.FILLING)
    .limit(1)
)


def check_filled(project: ProjectFolder) -> None:
    """Let certificates lapse whose sample no longer allows what they filled."""
    holding = (CertificateState.FILLING, CertificateState.FILLED)
    with project.database.read() as session:
        rows = session.scalars(select(Certificate).where(Certificate.state.in_(holding))).all()
        lapsing = [row.id for row in rows if reason_to_lapse(session, row) is not None]
    for number in lapsing:
        with project.database.write() as session:
            row = session.get_one(Certificate, number)
            reason = reason_to_lapse(session, row) if row.state in holding else None
            if reason is not None:
                end(row, CertificateState.LAPSED, reason)


class CertificateWork:
    """All pieces of work for certificates.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._checked = 0.0

    def run_step(self, ended: Event) -> None:
        """Do all pieces that there are until the event is set, and look at the samples of filled certificates now and then."""
        while not ended.is_set() and (rest := _continue(self._project)) is not None:
            ended.wait(rest)
        if time.monotonic() - self._checked >= _GROUND_SECONDS:
            check_filled(self._project)
            self._checked = time.monotonic()


def _decide_answered(project: ProjectFolder, session: Session) -> bool:
    """Decide a certificate whose sample is answered. Returns whether there was one."""
    rows = session.scalars(select(Certificate).where(Certificate.state == CertificateState.SAMPLING))
    number = next((row.id for row in rows if is_answered(session, row)), None)
    if number is None:
        return False
    with project.database.write() as writing:
        if writing.get_one(Certificate, number).state == CertificateState.SAMPLING:
            decide_certificate(writing, number)
    return True


def _cover(session: Session, row: Certificate) -> None:
    """Cover the next cells; after the last ones the certificate is filled, in place of the one before."""
    accepted = int((row.outcome or {})["level"])
    start = row.covered_to
    beyond = (CertificateCell.certificate_id == row.id, CertificateCell.image_id > start)
    last = _last_of_batch(session, *beyond)
    if last is None:
        row.state = CertificateState.FILLED
        _replace_earlier(session, row)
        return
    batch = (*beyond, CertificateCell.image_id <= last)
    row.covered_to = last
    session.execute(
        delete(CertificateCell).where(*batch, CertificateCell.level > accepted), execution_options=_UNSYNCED
    )
    shift_open_cells(session, row, -1, *batch)


def _replace_earlier(session: Session, row: Certificate) -> None:
    earlier = select(Certificate).where(
        Certificate.attribute_id == row.attribute_id, Certificate.state == CertificateState.FILLED
    )
    for other in session.scalars(earlier.where(Certificate.id != row.id)):
        end(other, CertificateState.UNDONE, f"Certificate {row.id} replaced it.")


def _uncover(session: Session, row: Certificate) -> None:
    """Forget the last cells of an ended certificate; those before them stay covered."""
    mine = CertificateCell.certificate_id == row.id
    descending = select(CertificateCell.image_id).where(mine).order_by(CertificateCell.image_id.desc())
    first = session.scalar(descending.offset(UNDO_CELLS - 1).limit(1))
    batch = (mine, CertificateCell.image_id >= (first or 0))
    covered_to, row.covered_to = row.covered_to, min(row.covered_to, (first or 1) - 1)
    if covered_to:
        # Those beyond `covered_to` were not covered: it was undone while it was filling.
        shift_open_cells(session, row, 1, *batch, CertificateCell.image_id <= covered_to)
    session.execute(delete(CertificateCell).where(*batch), execution_options=_UNSYNCED)
    if session.scalar(descending.limit(1)) is None:
        row.covered_to = 0
        if covered_to:  # the order of work starts anew, because its images may be open again
            session.execute(update(Predictions).values(cursor=0))
            restart_search(session)
            reset_cursors(session)


def _last_of_batch(session: Session, *conditions: ColumnElement[bool]) -> int | None:
    """The image of the last cell of a batch; None if there is no cell."""
    some = select(CertificateCell.image_id).where(*conditions).order_by(CertificateCell.image_id)
    last: int | None = session.scalar(select(func.max(some.limit(BATCH_CELLS).subquery().c.image_id)))
    return last


_UNSYNCED = {"synchronize_session": False}
