"""What a labeller sees of the rounds: when the next one starts, how far one is, and which suggestions are in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED
from annotator.models import Round
from annotator.services.predictions.active import round_in_use, suggestions_version
from annotator.services.rounds.jobs import START_IMAGES, labelled_since_last_round, train_images
from annotator.services.schema.active import active_schema
from annotator.services.tasks.skipped import count_skipped


@dataclass(frozen=True)
class Outlook:
    """The state of the loop of labelling and learning.

    Args:
        images_left: how many images are still to be labelled until a round starts automatically; None if none does, because
            that is switched off.
        counted: which images are counted: all labelled ones, or those of the train split, without enough of which no round
            starts.
        train_images: labelled images of the train split, counted up to `train_needed`.
        train_needed: how many of them the first round needs.
        round: the unfinished round; None without one.
        in_use: the round whose predictions give the order of work; None without one.
        version: changes whenever other predictions suggest.
        skipped: open images that the labeller skipped and does not hold again.
    """

    images_left: int | None
    counted: Literal["labelled", "train"]
    train_images: int
    train_needed: int
    round: Round | None
    in_use: int | None
    version: str
    skipped: int


def read_outlook(session: Session, every: int, labeller_id: int) -> Outlook:
    """Read the state of the loop.

    Args:
        session: a session.
        every: the number of newly labelled images that starts a round; 0: none starts automatically.
        labeller_id: the labeller.
    """
    schema_hash = active_schema(session).hash
    left, in_train = max(0, every - labelled_since_last_round(session, max(every, 1))), train_images(session)
    missing = START_IMAGES - in_train
    return Outlook(
        images_left=max(left, missing) if every else None,
        counted="train" if missing > left else "labelled",
        train_images=in_train,
        train_needed=START_IMAGES,
        round=session.scalar(select(Round).where(Round.state.in_(UNFINISHED)).order_by(Round.id).limit(1)),
        in_use=round_in_use(session, schema_hash),
        version=suggestions_version(session, schema_hash),
        skipped=count_skipped(session, labeller_id),
    )
