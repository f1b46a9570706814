"""The API of the light table: preview, store and undo one change of many images."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictStr

from annotator.services.selection.actions import Change
from annotator.services.selection.changes import (
    MAX_IMAGES,
    Effect,
    make_change,
    preview_change,
    undo_change,
)
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Answer, Id, Key, Request, answers, spec

selection = Blueprint("selection", __name__, url_prefix="/api/v1/selection")


class SelectionRequest(Request):
    """One action on some images. `set` needs `attribute` and `value` (null: can't tell); `clear` without an attribute clears all."""

    action: Literal["set", "clear", "flag", "gold"]
    images: list[Id] = Field(min_length=1, max_length=MAX_IMAGES)
    attribute: Key | None = None
    value: Id | None = None
    note: Annotated[StrictStr, Field(max_length=2000)] = ""
    adjudicate: StrictBool = False

    def change(self) -> Change:
        """The change that the service takes."""
        return Change(**self.model_dump() | {"images": tuple(self.images)})


class EffectOut(Answer):
    """How many of the `images` change, are so already, get an opinion only, or stay as they are (`why`).

    `held`: images that others are labelling now; they keep them.
    """

    images: int
    changed: int
    same: int
    opinions: int
    unchanged: int
    why: str
    held: int


class SelectionAnswer(BaseModel):
    """What was stored; `effect` is null when the request was a repetition."""

    submission: str
    effect: EffectOut | None


class SelectionUndoRequest(Request):
    """Undo a change of a selection."""

    submission: Key


class SelectionUndoAnswer(BaseModel):
    """The change that was undone."""

    submission: str


@selection.post("/preview")
@spec.validate(resp=answers(HTTP_200=EffectOut, problems=(404,)), tags=["browse"])
def preview(json: SelectionRequest) -> EffectOut:
    """What a change would do; nothing is stored."""
    with context().project.database.read() as session:
        return _out(preview_change(session, labeller_id(), json.change()))


@selection.post("")
@spec.validate(resp=answers(HTTP_200=SelectionAnswer, problems=(404, 409)), tags=["browse"])
def change(json: SelectionRequest) -> SelectionAnswer:
    """Change all images or none; the change is durable when this returns. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        effect = make_change(session, labeller_id(), key, json.change())
    return SelectionAnswer(submission=key, effect=None if effect is None else _out(effect))


@selection.post("/undo")
@spec.validate(resp=answers(HTTP_200=SelectionUndoAnswer, problems=(404, 409)), tags=["browse"])
def undo(json: SelectionUndoRequest) -> SelectionUndoAnswer:
    """Undo a change: what was before it counts again."""
    with context().project.database.write() as session:
        undo_change(session, labeller_id(), idempotency_key(), json.submission)
    return SelectionUndoAnswer(submission=json.submission)


def _out(effect: Effect) -> EffectOut:
    return EffectOut.model_validate(effect)
