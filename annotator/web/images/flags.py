"""The API of flags."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field, StrictStr

from annotator.services.review.flags import raise_flag, resolve_flag
from annotator.services.review.queue import check_reviewer
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Answer, Id, Request, UtcTime, answers, spec

flags_api = Blueprint("flags_api", __name__, url_prefix="/api/v1/flags")


class FlagRequest(Request):
    """A note that asks a reviewer to look at an image."""

    image_id: Id
    note: Annotated[StrictStr, Field(description="Plain text, 1 to 500 characters.")]


class ResolveRequest(Request):
    """A request without fields."""


class FlagOut(Answer):
    """A flag; `resolved_at` is null while it is open."""

    id: int
    image_id: int
    note: str
    created_at: UtcTime
    labeller: str
    resolved_by: str | None
    resolved_at: UtcTime | None


@flags_api.post("")
@spec.validate(resp=answers(HTTP_201=FlagOut, problems=(404, 409)), tags=["flags"])
def flag_image(json: FlagRequest) -> tuple[FlagOut, int]:
    """Flag an image. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        flag = raise_flag(session, labeller_id(), key, json.image_id, json.note)
        return FlagOut.model_validate(flag), 201


@flags_api.post("/<int:number>/resolve")
@spec.validate(resp=answers(HTTP_200=FlagOut, problems=(404,)), tags=["flags"])
def resolve(number: int, json: ResolveRequest) -> FlagOut:
    """Mark a flag as resolved; resolving it again changes nothing."""
    del json
    with context().project.database.write() as session:
        me = labeller_id()
        check_reviewer(session, me)
        return FlagOut.model_validate(resolve_flag(session, me, number))
