"""Rounds in the database: this table is the worker's queue and the record of what happened."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState, Origin
from annotator.errors import FacelabelError, NotFound
from annotator.models import Annotation, AttributeRow, Image, Label, Round, now
from annotator.services.common.job_queue import claim, give_back, has_unfinished

ENGINES = ("probe", "cnn", "ensemble")
DEFAULT_STRATEGY = "balanced"
STRATEGIES = (
    DEFAULT_STRATEGY, "margin", "entropy", "least_confidence", "random", "bald", "k_center", "badge", "typical", "rare_classes",
    "cold_start",
)  # fmt: skip
"""The trainer's rules and what they need of an engine, as the trainer has them: a test compares."""
FOR_PROBES = ("bald", "k_center", "badge", "typical", "cold_start")
"""They need several models or the places of images among each other, which the engine cnn does not give."""
START_IMAGES = 25
"""Fewer labelled images of the train split are not worth a round of their own accord."""
_MOST_COUNTED = 1000


def start_due_round(session: Session, every: int) -> Round | None:
    """Queue a round of the probe engine by itself, if it is time for one.

    It goes on with the strategy of the round before it. A round that takes minutes is started by people only.

    Args:
        session: a session that writes.
        every: after how many newly labelled images; 0: never.
    """
    if not round_is_due(session, every):
        return None
    strategy = session.scalar(select(Round.strategy).order_by(Round.id.desc()).limit(1))
    row = start_round(session, "probe", strategy or DEFAULT_STRATEGY)
    row.automatic = True
    return row


def round_is_due(session: Session, every: int) -> bool:
    """Whether a round should start by itself: none is unfinished, and enough was labelled since the last one and in all."""
    if every == 0 or has_unfinished(session, Round):
        return False
    return labelled_since_last_round(session, every) >= every and _enough_to_start(session)


def labelled_since_last_round(session: Session, most: int = _MOST_COUNTED) -> int:
    """Images that were answered since the newest round took its snapshot, counted up to `most`."""
    seen = session.scalar(select(Round.newest_annotation).order_by(Round.id.desc()).limit(1)) or 0
    answered = select(Annotation.image_id).where(Annotation.id > seen, Annotation.origin != Origin.OPINION)
    some = answered.distinct().limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _enough_to_start(session: Session) -> bool:
    """Whether `START_IMAGES` images of the train split have an answer that a model can learn from."""
    some = (
        select(Label.image_id)
        .join(Image, Image.id == Label.image_id)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(Image.split == "train", AttributeRow.kind == "categorical", Label.code.is_not(None))
        .distinct()
        .limit(START_IMAGES)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) == START_IMAGES


def note_labels_seen(session: Session, number: int) -> None:
    """A round is about to write its snapshot: what is labelled from now on is for the next one."""
    newest = select(func.coalesce(func.max(Annotation.id), 0)).scalar_subquery()
    session.execute(update(Round).where(Round.id == number).values(newest_annotation=newest))


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
    if engine == "cnn" and strategy in FOR_PROBES:
        suitable = ", ".join(name for name in STRATEGIES if name not in FOR_PROBES)
        raise FacelabelError(
            "unsuitable_strategy",
            f"The strategy {strategy} needs what the engine cnn does not give.",
            do=f"Choose the engine probe or ensemble, or one of {suitable}.",
        )
    unfinished = session.scalar(select(Round).where(Round.state.in_(UNFINISHED)).limit(1))
    if unfinished is not None:
        return unfinished
    if session.scalar(select(func.count()).select_from(select(Label.image_id).limit(1).subquery())) == 0:
        raise FacelabelError(
            "nothing_labelled", "There is no label to learn from yet.", do="Label some images first."
        )
    row = Round(
        state=JobState.QUEUED, engine=engine, strategy=strategy, stage="queued", done=0, total=0, message="waiting for the worker",
        attempts=0, created_at=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    # Also if it never gets as far as its snapshot: it is not tried at once again.
    note_labels_seen(session, row.id)
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
    """The oldest unfinished round, marked as running; one that was interrupted is begun again, `max_attempts` times at most."""
    return claim(
        session,
        Round,
        max_attempts,
        lambda row: fail_round(
            session,
            row.id,
            f"The worker was killed {row.attempts} times in the stage {row.stage!r}, perhaps for lack of memory. "
            "The labels and the predictions in use are unchanged. Give it more memory and start a new round.",
        ),
    )


def report_progress(session: Session, number: int, stage: str, done: int, total: int, message: str) -> None:
    """Write down how far a round is."""
    session.execute(
        update(Round).where(Round.id == number).values(stage=stage, done=done, total=total, message=message)
    )


def release_round(session: Session, number: int) -> None:
    """A round was stopped on purpose: the next worker goes on with it, and the attempt does not count."""
    give_back(session, Round, number, message="waiting for the worker")


def fail_round(session: Session, number: int, error: str) -> None:
    """A round ended without predictions."""
    session.execute(
        update(Round)
        .where(Round.id == number)
        .values(state=JobState.FAILED, error=error, message="failed", finished_at=now())
    )
