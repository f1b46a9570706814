"""Rounds in the database: this table is the worker's queue and the record of what happened."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError, NotFound
from annotator.models import Label, Round, now

UNFINISHED = ("queued", "running")
ENGINES = ("probe", "cnn", "ensemble")
STRATEGIES = ("margin", "entropy", "least_confidence", "random")


def start_round(session: Session, engine: str, strategy: str) -> Round:
    """Queue a round. While one is unfinished it is returned instead: two would compute the same.

    Raises:
        FacelabelError: if nothing is labelled yet, or engine or strategy do not exist.
    """
    for what, name, known in (("engine", engine, ENGINES), ("strategy", strategy, STRATEGIES)):
        if name not in known:
            raise FacelabelError(
                f"unknown_{what}", f"There is no {what} {name!r}.", do=f"Choose one of {', '.join(known)}."
            )
    unfinished = session.scalar(select(Round).where(Round.state.in_(UNFINISHED)).limit(1))
    if unfinished is not None:
        return unfinished
    if session.scalar(select(func.count()).select_from(select(Label.image_id).limit(1).subquery())) == 0:
        raise FacelabelError(
            "nothing_labelled", "There is no label to learn from yet.", do="Label some images first."
        )
    row = Round(
        state="queued", engine=engine, strategy=strategy, stage="queued", done=0, total=0, message="waiting for the worker",
        attempts=0, created_at=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def list_rounds(session: Session) -> list[Round]:
    """All rounds, the newest first."""
    return list(session.scalars(select(Round).order_by(Round.id.desc())))


def get_round(session: Session, number: int) -> Round:
    """One round.

    Raises:
        NotFound: if there is none with this number.
    """
    row = session.get(Round, number)
    if row is None:
        raise NotFound("unknown_round", f"There is no round {number}.", do="GET /api/v1/rounds lists them.")
    return row


def claim_round(session: Session, max_attempts: int) -> Round | None:
    """The oldest unfinished round, marked as running.

    The caller holds the worker's lock, so a round that is marked as running already was interrupted: it is begun again,
    `max_attempts` times at most.
    """
    while True:
        row = session.scalar(select(Round).where(Round.state.in_(UNFINISHED)).order_by(Round.id).limit(1))
        if row is None:
            return None
        if row.attempts < max_attempts:
            row.state, row.attempts = "running", row.attempts + 1
            row.started_at = row.started_at or now()
            session.flush()
            return row
        fail_round(
            session,
            row.id,
            f"The worker was killed {row.attempts} times in the stage {row.stage!r}, perhaps for lack of memory. "
            "The labels and the predictions in use are unchanged. Give it more memory and start a new round.",
        )


def report_progress(session: Session, number: int, stage: str, done: int, total: int, message: str) -> None:
    """Write down how far a round is."""
    session.execute(
        update(Round).where(Round.id == number).values(stage=stage, done=done, total=total, message=message)
    )


def release_round(session: Session, number: int) -> None:
    """A round was stopped on purpose: the next worker goes on with it, and the attempt does not count."""
    session.execute(
        update(Round)
        .where(Round.id == number)
        .values(state="queued", attempts=Round.attempts - 1, message="waiting for the worker")
    )


def fail_round(session: Session, number: int, error: str) -> None:
    """A round ended without predictions."""
    session.execute(
        update(Round)
        .where(Round.id == number)
        .values(state="failed", error=error, message="failed", finished_at=now())
    )
    session.flush()
    session.expire_all()
