"""The API of flags."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictInt, StrictStr
from spectree import Response

from annotator.domain.timestamps import utc_text
from annotator.services.review.flags import FlagDetail, raise_flag, resolve_flag
from annotator.services.review.queue import check_reviewer
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, ProblemAnswer, Request, spec

flags_api = Blueprint("flags_api", __name__, url_prefix="/api/v1/flags")


class FlagRequest(Request):
    """A note that an image wants a reviewer's eye."""

    image_id: Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
    note: Annotated[StrictStr, Field(description="Plain text, 1 to 500 characters.")]


class ResolveRequest(Request):
    """Nothing needs to be said."""


class FlagOut(BaseModel):
    """A flag; `resolved_at` is null while it is open."""

    id: int
    image_id: int
    note: str
    created_at: str
    labeller: str
    resolved_by: str | None
    resolved_at: str | None


@flags_api.post("")
@spec.validate(
    resp=Response(
        HTTP_201=FlagOut,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["flags"],
)
def flag_image(json: FlagRequest) -> tuple[FlagOut, int]:
    """Flag an image. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        return flag_out(raise_flag(session, labeller_id(), key, json.image_id, json.note)), 201


@flags_api.post("/<int:number>/resolve")
@spec.validate(
    resp=Response(HTTP_200=FlagOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer, HTTP_404=ProblemAnswer),
    tags=["flags"],
)
def resolve(number: int, json: ResolveRequest) -> FlagOut:
    """Say that a flag was dealt with; saying it again changes nothing."""
    del json
    with context().project.database.write() as session:
        me = labeller_id()
        check_reviewer(session, me)
        return flag_out(resolve_flag(session, me, number))


def flag_out(flag: FlagDetail) -> FlagOut:
    """A flag as the API tells it."""
    return FlagOut(
        id=flag.id,
        image_id=flag.image_id,
        note=flag.note,
        created_at=utc_text(flag.created_at),
        labeller=flag.labeller,
        resolved_by=flag.resolved_by,
        resolved_at=utc_text(flag.resolved_at) if flag.resolved_at else None,
    )
