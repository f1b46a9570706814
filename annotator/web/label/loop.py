"""The API of the strip on the label page: when the model learns again, and the suggestions of a new round."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from pydantic import BaseModel, Field

from annotator.domain.roles import Role
from annotator.services.certificates.strip import strip_sentence
from annotator.services.rounds.outlook import read_outlook
from annotator.services.tasks.queue import held_tasks
from annotator.web.http.context import account, context, labeller_id
from annotator.web.http.contracts import Answer, Key, Request, answers, spec
from annotator.web.label.contracts import CellOut, cells_out

loop_api = Blueprint("loop_api", __name__, url_prefix="/api/v1")


class RunningRoundOut(Answer):
    """The round that is queued or running."""

    id: int
    state: Literal["queued", "running"]
    stage: str
    done: int
    total: int
    message: str


class LoopOut(Answer):
    """When the model learns again, and which suggestions are in use."""

    images_left: int | None = Field(
        description="Images to be labelled until a round starts automatically; null if none does."
    )
    counted: Literal["labelled", "train"] = Field(
        description="`train`: only images of the train split count, because the first round needs `train_needed` of them."
    )
    train_images: int
    train_needed: int
    round: RunningRoundOut | None
    in_use: int | None = Field(description="The round whose predictions give the order of the queue.")
    version: str = Field(description="Changes whenever other predictions suggest.")
    skipped: int = Field(description="Open images that the caller skipped and does not hold again.")
    filling: str | None = Field(
        None,
        description="For admins: the running acceptance sample, or what could be filled next, in a sentence.",
    )


class HeldRequest(Request):
    """The leases whose suggestions are wanted."""

    holding: list[Key] = Field(max_length=200)


class HeldOut(BaseModel):
    """A leased image with its open cells, as the predictions in use suggest them now."""

    image_id: int
    lease: str
    cells: list[CellOut]


class HeldAnswer(BaseModel):
    """The images among the leases that the caller holds, and the version of their suggestions."""

    tasks: list[HeldOut]
    round: int | None
    version: str


@loop_api.get("/loop")
@spec.validate(resp=answers(HTTP_200=LoopOut), tags=["label"])
def show_loop() -> LoopOut:
    """When the next round starts, how far one is, and how many images the caller skipped."""
    project = context().project
    with project.database.read() as session:
        loop = LoopOut.model_validate(read_outlook(session, context().settings.round_every, labeller_id()))
        if account().role == Role.ADMIN:
            loop.filling = strip_sentence(project, session)
    return loop


@loop_api.post("/tasks/suggestions")
@spec.validate(resp=answers(HTTP_200=HeldAnswer), tags=["label"])
def renew_suggestions(json: HeldRequest) -> HeldAnswer:
    """The suggestions of today for images that the caller holds; leases stay as they are."""
    project = context().project
    with project.database.read() as session:
        tasks = held_tasks(project, session, labeller_id(), json.holding)
        outlook = read_outlook(session, context().settings.round_every, labeller_id())
    return HeldAnswer(
        tasks=[HeldOut(image_id=t.image_id, lease=t.lease, cells=cells_out(t)) for t in tasks],
        round=outlook.in_use,
        version=outlook.version,
    )
