"""The API of take-backs, which undo many answers: those of a labeller, an import or a time span."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from flask import Blueprint
from pydantic import AwareDatetime, BaseModel, Field

from annotator.services.annotation.take_back import (
    PastTakeBack,
    earlier_take_back,
    list_take_backs,
    preview_take_back,
    take_back,
    undo_take_back,
)
from annotator.services.annotation.take_back_choice import Selection
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, Key, Request, UtcTime, answers, spec

take_backs = Blueprint("take_backs", __name__, url_prefix="/api/v1/team/take-backs")

Number = Annotated[int, Field(ge=1, le=MAX_ID)]


class TakeBackRequest(Request):
    """Which answers are meant; at least one field is needed, and all of those that are sent must hold."""

    labeller: Number | None = Field(None, description="A member of GET /api/v1/team.")
    upload: Number | None = Field(None, description="An import of GET /api/v1/imports.")
    source: Annotated[str, Field(max_length=1000)] | None = Field(
        None, description="The name of an imported file or folder."
    )
    since: AwareDatetime | None = Field(None, description="Given at this time or later.")
    until: AwareDatetime | None = Field(None, description="Given before this time.")

    def selection(self) -> Selection:
        """The same for the service."""
        return Selection(self.labeller, self.upload, self.source, self.since, self.until)


class UndoTakeBackRequest(Request):
    """The key of the take-back that is undone."""

    submission: Key


class TakeBackEffectOut(BaseModel):
    """What a take-back changes.

    Of `submissions` with `answers` in `images`: `opened` cells lose their label, `restored` cells fall back to an earlier
    answer, `reopened` done images come back into the queue. `people_changes`: new names and merges of people, which stay.
    `aggregated`: labels of an aggregation that used these answers; they stay until the next one.
    """

    submissions: int
    answers: int
    images: int
    opened: int
    restored: int
    reopened: int
    people_changes: int
    aggregated: int


class TakeBackOut(BaseModel):
    """A take-back that was done. `submission`: its key."""

    submission: str
    effect: TakeBackEffectOut


class PastTakeBackOut(TakeBackOut):
    """A take-back with what it was asked for, who did it and when, and whether it was undone.

    `naming`: only names given on the page People. `state`: running, done, undoing or undone; while it is running or undoing,
    the worker goes on in batches. `covered`: how many submissions do not count now because of it.
    """

    by: str
    created_at: UtcTime
    undone: bool
    labeller: str | None
    upload: int | None
    source: str | None
    since: UtcTime | None
    until: UtcTime | None
    naming: bool
    state: str
    covered: int


class TakeBacksOut(BaseModel):
    """The last 50 take-backs, newest first."""

    take_backs: list[PastTakeBackOut]


@take_backs.get("")
@spec.validate(resp=answers(HTTP_200=TakeBacksOut), tags=["team"])
def index() -> TakeBacksOut:
    """The last take-backs, newest first."""
    return _listed()


@take_backs.get("/preview")
@spec.validate(resp=answers(HTTP_200=TakeBackEffectOut, problems=(400, 404)), tags=["team"])
def preview(query: TakeBackRequest) -> TakeBackEffectOut:
    """What this take-back would change now; changes nothing."""
    with context().project.database.read() as session:
        return TakeBackEffectOut(**asdict(preview_take_back(session, query.selection())))


@take_backs.post("")
@spec.validate(resp=answers(HTTP_200=TakeBackOut, problems=(404, 409)), tags=["team"])
def create(json: TakeBackRequest) -> TakeBackOut:
    """Take back answers, as one submission; of many answers, the worker undoes the rest in batches.

    Repeating a key changes nothing.
    """
    key, me, selection = idempotency_key(), labeller_id(), json.selection()
    database = context().project.database
    with database.read() as session:  # counting takes a while, and nobody waits for it
        effect = earlier_take_back(session, me, key, selection) or preview_take_back(session, selection)
    with database.write() as session:
        effect = take_back(session, me, key, selection, effect)
    return TakeBackOut(submission=key, effect=TakeBackEffectOut(**asdict(effect)))


@take_backs.post("/undo")
@spec.validate(resp=answers(HTTP_200=TakeBacksOut, problems=(404, 409)), tags=["team"])
def undo(json: UndoTakeBackRequest) -> TakeBacksOut:
    """Undo a take-back: its answers count again; of many answers, the worker restores the rest in batches."""
    with context().project.database.write() as session:
        undo_take_back(session, labeller_id(), idempotency_key(), json.submission)
    return _listed()


def _listed() -> TakeBacksOut:
    with context().project.database.read() as session:
        return TakeBacksOut(take_backs=[_past(past) for past in list_take_backs(session)])


def _past(past: PastTakeBack) -> PastTakeBackOut:
    return PastTakeBackOut(
        submission=past.key,
        effect=TakeBackEffectOut(**asdict(past.effect)),
        by=past.by,
        created_at=past.created_at,
        undone=past.undone,
        labeller=past.labeller,
        upload=past.import_id,
        source=past.import_name,
        since=past.since,
        until=past.until,
        naming=past.naming,
        state=past.state,
        covered=past.covered,
    )
