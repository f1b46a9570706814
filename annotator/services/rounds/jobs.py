"""Rounds in the database: the table is the worker's queue and the record of all rounds."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.util import find_spec

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import NO_LABEL, UNFINISHED, JobState, Origin
from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Annotation, AttributeRow, Image, Label, Predictions, Round, Submission, now
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.job_queue import claim, give_back, has_unfinished
from annotator.services.common.queue_head import queue_head

ENGINES = ("probe", "cnn", "ensemble")
DEFAULT_STRATEGY = "balanced"
STRATEGIES = (
    DEFAULT_STRATEGY, "margin", "entropy", "least_confidence", "random", "bald", "k_center", "badge", "typical", "rare_classes",
    "cold_start", "direct", "tailor", "drop_query", "fill",
)  # fmt: skip
"""The trainer's query strategies. A test compares this list, and FOR_PROBES, with the trainer."""
FOR_PROBES = ("bald", "k_center", "badge", "typical", "cold_start", "tailor", "drop_query")
"""Strategies that need several models or the embeddings of the images, which the engine cnn does not provide."""
START_IMAGES = 15
"""No round starts automatically with fewer labelled images in the train split."""
_MOST_COUNTED = 1000
_NEWEST_ANSWERS = 1000
"""Answers that lead to the images that were labelled last, a hundred or more."""
_NEXT_IMAGES = 40
"""Images at the head of the queue that an automatic round answers in any case: so many are labelled until the next one is loaded."""
_NEAR = 5
"""Images before the first round from which on the worker waits for it."""
_ANSWERING = timedelta(minutes=1)
"""A labeller whose last answer is older than this delays nothing."""
_LAST_STAGE = "load"
"""In this stage the predictions become active, so that a round can no longer be cancelled."""


def start_due_round(session: Session, every: int) -> Round | None:
    """Queue an automatic round of the engine probe if one is due.

    It uses the strategy of the previous round. Rounds of the other engines take minutes and are only started by people.

    Args:
        session: a session that writes.
        every: the number of newly labelled images that starts a round; 0: none starts automatically.
    """
    return start_automatic_round(session) if round_is_due(session, every) else None


def start_round_if_due(project: ProjectFolder, every: int) -> bool:
    """Queue a round if enough images were labelled since the last one and the trainer is installed. Returns whether it did."""
    with project.database.read() as session:
        if not round_is_due(session, every):
            return False
    if find_spec("torch") is None:
        return False
    with claimed(project, "train") as held:  # another worker might start one too
        if held is None:
            return False
        with project.database.write() as session:
            return start_due_round(session, every) is not None


def extend_partial_round(project: ProjectFolder, every: int, complete: bool) -> bool:
    """Queue a round once all features are there, if the newest one did without some of them. Returns whether it did.

    Args:
        project: the project.
        every: as of `start_due_round`.
        complete: whether all features are there.
    """
    if every == 0 or not complete:
        return False
    with project.database.read() as session:
        if not newest_is_partial(project, session):
            return False
    with claimed(project, "train") as held:  # another worker might start one too
        if held is None:
            return False
        with project.database.write() as session:
            if newest_is_partial(project, session):
                start_automatic_round(session)
    return True


def start_automatic_round(session: Session) -> Round:
    """Queue a round of the engine probe with the strategy of the round before it."""
    strategy = session.scalar(select(Round.strategy).order_by(Round.id.desc()).limit(1))
    row = start_round(session, "probe", strategy or DEFAULT_STRATEGY)
    row.automatic = True
    return row


def round_is_due(session: Session, every: int) -> bool:
    """Whether an automatic round is due: no round is unfinished, and enough images were labelled since the last one and in all."""
    if every == 0 or has_unfinished(session, Round):
        return False
    return labelled_since_last_round(session, every) >= every and train_images(session) == START_IMAGES


def newest_is_partial(project: ProjectFolder, session: Session) -> bool:
    """Whether the newest round is done, started automatically, and did not answer all images of its snapshot."""
    row = session.execute(
        select(Round.id, Round.state, Round.automatic, Predictions.rows)
        .outerjoin(Predictions, Predictions.round_id == Round.id)
        .order_by(Round.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None or row.state != JobState.DONE or not row.automatic or row.rows is None:
        return False
    try:
        manifest = json.loads((project.round_folder(row.id) / "snapshot" / "manifest.json").read_text())
        return bool(row.rows < manifest["counts"]["images"])
    except (OSError, ValueError, KeyError):
        return False  # the snapshot is gone: nobody knows


def labelled_since_last_round(session: Session, most: int = _MOST_COUNTED) -> int:
    """The number of images answered since the newest round wrote its snapshot, counted up to `most`."""
    seen = session.scalar(select(Round.newest_annotation).order_by(Round.id.desc()).limit(1)) or 0
    answered = select(Annotation.image_id).where(
        Annotation.id > seen, Annotation.origin != Origin.OPINION, of_counted_image(Annotation.image_id)
    )
    some = answered.distinct().limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def train_images(session: Session) -> int:
    """The number of images of the train split that a model can learn from, counted up to `START_IMAGES`."""
    some = (
        select(Label.image_id)
        .join(Image, Image.id == Label.image_id)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(COUNTED, Image.split == "train", AttributeRow.kind == "categorical", Label.code.is_not(None))
        .distinct()
        .limit(START_IMAGES)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def images_at_once(session: Session) -> list[str]:
    """The names of images that an automatic round answers although features of other images are missing.

    They are the images that were labelled last, to learn from, and the next ones of the queue.
    """
    newest = select(Annotation.image_id).where(Annotation.origin.not_in(NO_LABEL))
    newest = newest.order_by(Annotation.id.desc()).limit(_NEWEST_ANSWERS)
    chosen = or_(Image.id.in_(newest), Image.id.in_(queue_head(_NEXT_IMAGES)))
    return list(session.scalars(select(Image.name).where(chosen, COUNTED).order_by(Image.name)))


def brings_first_suggestions(session: Session) -> bool:
    """Whether the next round is one of the engine probe, and nothing was predicted yet: labellers wait for it."""
    engine = session.scalar(
        select(Round.engine).where(Round.state.in_(UNFINISHED)).order_by(Round.id).limit(1)
    )
    return engine == "probe" and session.scalar(select(Predictions.id).limit(1)) is None


def first_round_is_near(session: Session, every: int) -> bool:
    """Whether somebody is about to give the labels that start the first round.

    The worker then begins nothing else: on a busy machine a step takes as long as several answers.
    """
    if (
        every == 0
        or has_unfinished(session, Round)
        or session.scalar(select(Predictions.id).limit(1)) is not None
    ):
        return False
    newest = session.scalar(select(Submission.created_at).order_by(Submission.id.desc()).limit(1))
    if newest is None or now() - newest > _ANSWERING:
        return False
    labelled = labelled_since_last_round(session, every)
    return labelled >= every - _NEAR and train_images(session) >= START_IMAGES - _NEAR


def note_labels_seen(session: Session, number: int) -> None:
    """Store that a round is about to write its snapshot: later labels count for the next round."""
    newest = select(func.coalesce(func.max(Annotation.id), 0)).scalar_subquery()
    session.execute(update(Round).where(Round.id == number).values(newest_annotation=newest))


def start_round(session: Session, engine: str, strategy: str, processes: int | None = None) -> Round:
    """Queue a round. While a round is unfinished, return that one, because two would compute the same.

    Args:
        session: a session that writes.
        engine: one of `ENGINES`.
        strategy: one of `STRATEGIES`.
        processes: how many processes train the network of the engine cnn; None: as the worker's setting says.

    Raises:
        FacelabelError: if nothing is labelled yet, engine or strategy do not exist, or the engine trains in one process.
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
    if processes is not None and processes > 1 and engine != "cnn":
        raise FacelabelError(
            "one_process",
            f"The engine {engine} trains in one process.",
            do="Choose the engine cnn, or ask for one process.",
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
        attempts=0, processes=processes, created_at=now(),
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


def report_progress(session: Session, number: int, stage: str, done: int, total: int, message: str) -> bool:
    """Store the progress of a running round. Returns whether it still runs: somebody may have cancelled it."""
    running = update(Round).where(Round.id == number, Round.state == JobState.RUNNING).returning(Round.id)
    values = {"stage": stage, "done": done, "total": total, "message": message}
    return session.scalar(running.values(**values)) is not None


def cancel_round(session: Session, number: int | None = None) -> Round:
    """Cancel an unfinished round. The worker ends it within a second and removes its folder; cached features stay.

    Args:
        session: a session that writes.
        number: the round; None: the one that is unfinished.

    Raises:
        NotFound: if there is no such round.
        Conflict: if it has ended, or its predictions are being loaded.
    """
    if number is None:
        number = session.scalar(select(Round.id).where(Round.state.in_(UNFINISHED)).limit(1))
    if number is None:
        raise NotFound("no_round", "No round is queued or running.", do="There is nothing to cancel.")
    row = get_round(session, number)
    if row.state not in UNFINISHED or row.stage == _LAST_STAGE:
        state = "is being loaded" if row.state in UNFINISHED else f"is {row.state}"
        raise Conflict(
            "round_ended",
            f"Round {number} {state}, so it cannot be cancelled.",
            kept="The predictions in use are unchanged.",
            do="To use the predictions of an earlier round, choose it on the page Rounds.",
        )
    row.state, row.message, row.finished_at = JobState.CANCELLED, "cancelled", now()
    session.flush()
    return row


def cancelled_rounds(session: Session) -> list[int]:
    """The numbers of the rounds that were cancelled."""
    return list(session.scalars(select(Round.id).where(Round.state == JobState.CANCELLED)))


def release_round(session: Session, number: int) -> None:
    """Queue a round again that was stopped on purpose: the next worker continues it, and the attempt does not count."""
    give_back(session, Round, number, message="waiting for the worker")


def fail_round(session: Session, number: int, error: str) -> None:
    """Mark a round as failed, unless it has ended or was cancelled meanwhile."""
    session.execute(
        update(Round)
        .where(Round.id == number, Round.state.in_(UNFINISHED))
        .values(state=JobState.FAILED, error=error, message="failed", finished_at=now())
    )
