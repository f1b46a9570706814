"""The requests and answers of the API of rounds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from annotator.services.rounds.jobs import DEFAULT_STRATEGY
from annotator.web.http.contracts import Request


class RoundRequest(Request):
    """Start a round."""

    engine: str = "probe"
    strategy: str = DEFAULT_STRATEGY


class RoundOut(BaseModel):
    """A round."""

    id: int
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    engine: str
    strategy: str
    automatic: bool
    stage: str
    done: int
    total: int
    message: str
    error: str | None
    attempts: int
    labelled: int | None
    features: int | None = Field(
        description="The round whose fine-tuned network computes the features; null: the frozen network does."
    )
    network: str | None = Field(
        description="The added network whose features it uses beside those of the frozen network."
    )
    features_reason: str | None = Field(
        description="Why this network was chosen; null before the choice is made."
    )
    processes: int | None = Field(
        description="How many processes train its network together; null: as the worker's setting says."
    )
    metrics: dict[str, Any] | None
    in_use: bool = Field(description="Whether the queue is in the order of its predictions.")
    suggests: list[str] = Field(description="Attributes whose suggestions come from its predictions.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    pruned_at: str | None = Field(
        description="When its model and most of its predictions were deleted; null: it is whole."
    )
    pruned_bytes: int | None = Field(description="How many bytes that freed; null until it is done.")


class SourceOut(BaseModel):
    """The round whose predictions suggest the values of an attribute, and why; null: they were imported.

    `chosen`: a person decided it.
    """

    attribute: str
    round: int | None
    reason: str
    chosen: bool


class WorkOut(BaseModel):
    """What a worker does, such as `train` or `features/frozen/3`, and since when."""

    work: str
    since: str


class WorkerOut(BaseModel):
    """A worker, or a command that does a worker's work: then `kinds` is empty. `seen_at`: its last sign of life."""

    name: str
    kinds: list[str]
    started_at: str
    seen_at: str
    does: list[WorkOut]


class RoundsOut(BaseModel):
    """All rounds, newest first, and when the next automatic round starts.

    `every`: the number of newly labelled images that starts a round; 0: none starts automatically. `labelled_since`: images
    labelled since the newest round's snapshot, counted up to 1,000. `networks_after`: fine-tuned networks of rounds up to this
    one are not used, because somebody returned to the frozen network.
    """

    rounds: list[RoundOut]
    sources: list[SourceOut]
    every: int
    labelled_since: int
    networks_after: int
    workers: list[WorkerOut]
