"""The tables of rounds: snapshots, training, predictions, and which of them suggest values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Snapshot(Base):
    """A snapshot in the project's folder `name`. `title`, `note`: what people call it and say about it."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    content_hash: Mapped[str]
    images: Mapped[int]
    labelled: Mapped[int]
    title: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]

    @property
    def path(self) -> str:
        """Its folder, relative to the project's."""
        return f"snapshots/{self.name}"


class Round(Base):
    """One round of training: an entry of the worker's queue, and the record of what happened."""

    __tablename__ = "rounds"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(index=True)  # a JobState
    engine: Mapped[str]
    strategy: Mapped[str]
    stage: Mapped[str]
    done: Mapped[int]
    total: Mapped[int]
    message: Mapped[str]
    error: Mapped[str | None]
    attempts: Mapped[int]
    snapshot: Mapped[str | None]
    labelled: Mapped[int | None]
    automatic: Mapped[bool] = mapped_column(server_default="0")  # the worker started it, not a person
    newest_annotation: Mapped[int] = mapped_column(
        server_default="0"
    )  # the newest annotation that its snapshot can contain
    features: Mapped[
        int | None
    ]  # the round whose fine-tuned network computes them, see services/rounds/feature_choice
    network: Mapped[str | None]  # the added network whose features it also uses, see services/rounds/networks
    features_reason: Mapped[str | None]
    processes: Mapped[
        int | None
    ]  # how many train together, see services/rounds/shared_training; null: as the worker's setting says
    metrics: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    pruned_at: Mapped[
        datetime | None
    ]  # from then on it has no model and no full predictions, see services/rounds/pruning
    pruned_bytes: Mapped[int | None] = mapped_column(
        BigInteger
    )  # what that freed; null until all of it is deleted


class Predictions(Base):
    """A loaded predictions folder. `cursor`: the number of places of its order of work that are done.

    `turn` rises with every loading and every return to earlier predictions; the predictions with the highest one are active:
    they give the order of work. Predictions that answer fewer attributes than the active ones are loaded with the turn 0.
    """

    __tablename__ = "predictions"
    __table_args__ = (UniqueConstraint("path", "content_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("rounds.id"))
    path: Mapped[str]
    content_hash: Mapped[str]
    schema_hash: Mapped[str]
    rows: Mapped[int]
    unknown: Mapped[int]
    cursor: Mapped[int]
    turn: Mapped[int] = mapped_column(server_default="0")
    loaded_at: Mapped[datetime]


class SuggestionSource(Base):
    """The predictions that suggest the values of an attribute from a moment on. Rows are only added; the newest one counts.

    Only rows whose predictions were made for the active schema count. `best_id`: the best measured predictions so far, with
    which later ones are compared. `reason`: why these predictions suggest, in a sentence. `chosen`: a person decided it.
    """

    __tablename__ = "suggestion_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    predictions_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    best_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    reason: Mapped[str]
    chosen: Mapped[bool] = mapped_column(server_default="0")
    since: Mapped[datetime]
