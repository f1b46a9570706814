"""Rounds in the database: the table is the worker's queue and the record of all rounds."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState, Origin
from annotator.errors import FacelabelError, NotFound
from annotator.models import Annotation, AttributeRow, Image, Label, Round, now
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.job_queue import claim, give_back, has_unfinished

ENGINES = ("probe", "cnn", "ensemble")
DEFAULT_STRATEGY = "balanced"
STRATEGIES = (
    DEFAULT_STRATEGY, "margin", "entropy", "least_confidence", "random", "bald", "k_center", "badge", "typical", "rare_classes",
    "cold_start",
)  # fmt: skip
"""The trainer's query strategies. A test compares this list, and FOR_PROBES, with the trainer."""
FOR_PROBES = ("bald", "k_center", "badge", "typical", "cold_start")
"""Strategies that need several models or the embeddings of the images, which the engine cnn does not provide."""
START_IMAGES = 25
"""No round starts automatically with fewer labelled images in the train split."""
_MOST_COUNTED = 1000


def start_due_round(session: Session, every: int) -> Round | None:
    """Queue an automatic round of the engine probe if one is due.

    It uses the strategy of the previous round. Rounds of the other engines take minutes and are only started by people.

    Args:
        session: a session that writes.
        every: the number of newly labelled images that starts a round; 0: none starts automatically.
    """
    if not round_is_due(session, every):
        return None
    strategy = session.scalar(select(Round.strategy).order_by(Round.id.desc()).limit(1))
    row = start_round(session, "probe", strategy or DEFAULT_STRATEGY)
    row.automatic = True
    return row


def round_is_due(session: Session, every: int) -> bool:
    """Whether an automatic round is due: no round is unfinished, and enough images were labelled since the last one and in all."""
    if every == 0 or has_unfinished(session, Round):
        return False
    return labelled_since_last_round(session, every) >= every and _enough_to_start(session)


def labelled_since_last_round(session: Session, most: int = _MOST_COUNTED) -> int:
    """The number of images answered since the newest round wrote its snapshot, counted up to `most`."""
    seen = session.scalar(select(Round.newest_annotation).order_by(Round.id.desc()).limit(1)) or 0
    answered = select(Annotation.image_id).where(
        Annotation.id > seen, Annotation.origin != Origin.OPINION, of_counted_image(Annotation.image_id)
    )
    some = answered.distinct().limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _enough_to_start(session: Session) -> bool:
    """Whether `START_IMAGES` images of the train split have an answer that a model can learn from."""
    some = (
        select(Label.image_id)
        .join(Image, Image.id == Label.image_id)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(COUNTED, Image.split == "train", AttributeRow.kind == "categorical", Label.code.is_not(None))
        .distinct()
        .limit(START_IMAGES)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) == START_IMAGES


def note_labels_seen(session: Session, number: int) -> None:
    """Store that a round is about to write its snapshot: later labels count for the next round."""
    newest = select(func.coalesce(func.max(Annotation.id), 0)).scalar_subquery()
    session.execute(update(Round).where(Round.id == number).values(newest_annotation=newest))


def start_round(session: Session, engine: str, strategy: str) -> Round:
    """Queue a round. While a round is unfinished, return that one, because two would compute the same.

    Raises:
        FacelabelError: if nothing is labelled yet, or engine or strategy do not exist.
    """
    for what, name, options in (("engine", engine, ENGINES), ("strategy", strategy, STRATEGIES)):
        if name not in options:
            raise FacelabelError(
                f"unknown_{what}", f"There is no {what} {name!r}.", do=f"Choose one of {', '.join(options)}."
            )
    if engine == "cnn" and strategy in FOR_PROBES:
        suitable = ", ".join(name for name in STRATEGIES if name not in FOR_PROBES)
        raise FacelabelError(
            "unsuitable_strategy",
            f"The engine cnn cannot run the strategy {strategy}.",
            do=f"Choose the engine probe or ensemble, or one of {suitable}.",
        )
    unfinished = session.scalar(select(Round).where(Round.state.in_(UNFINISHED)).limit(1))
    if unfinished is not None:
        return unfinished
    if (
        session.scalar(
            select(func.count()).select_from(
                select(Label.image_id).where(of_counted_image(Label.image_id)).limit(1).subquery()
            )
        )
        == 0
    ):
        raise FacelabelError(
            "nothing_labelled", "There are no labels to learn from yet.", do="Label some images first."
        )
    row = Round(
        state=JobState.QUEUED, engine=engine, strategy=strategy, stage="queued", done=0, total=0, message="waiting for the worker",
        attempts=0, created_at=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    # A round that fails before its snapshot must not start again at once.
    note_labels_seen(session, row.id)
    return row


def list_rounds(session: Session) -> list[Round]:
    """All rounds, newest first."""
    return list(session.scalars(select(Round).order_by(Round.id.desc())))


def get_round(session: Session, number: int) -> Round:
    """The round with this number.

    Raises:
        NotFound: if there is none.
    """
    row = session.get(Round, number)
    if row is None:
        raise NotFound("unknown_round", f"There is no round {number}.", do="GET /api/v1/rounds lists them.")
    return row


def claim_round(session: Session, max_attempts: int) -> Round | None:
    """Mark the oldest unfinished round as running and return it. An interrupted round is attempted `max_attempts` times."""
    return claim(
        session,
        Round,
        max_attempts,
        lambda row: fail_round(
            session,
            row.id,
            f"The worker was killed {row.attempts} times in the stage {row.stage!r}, perhaps because memory ran out. "
            "The labels and the predictions in use are unchanged. Give it more memory and start a new round.",
        ),
    )


def report_progress(session: Session, number: int, stage: str, done: int, total: int, message: str) -> None:
    """Store the progress of a round."""
    session.execute(
        update(Round).where(Round.id == number).values(stage=stage, done=done, total=total, message=message)
    )


def release_round(session: Session, number: int) -> None:
    """Queue a round again that was stopped on purpose: the next worker continues it, and the attempt does not count."""
    give_back(session, Round, number, message="waiting for the worker")


def fail_round(session: Session, number: int, error: str) -> None:
    """Mark a round as failed."""
    session.execute(
        update(Round)
        .where(Round.id == number)
        .values(state=JobState.FAILED, error=error, message="failed", finished_at=now())
    )
