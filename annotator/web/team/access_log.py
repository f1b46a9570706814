"""The page of the access log, and its API."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field

from annotator.services.access.log import AccessKind, read_access_log
from annotator.web.http.context import context
from annotator.web.http.contracts import MAX_ID, Answer, Request, UtcTime, answers, spec
from annotator.web.http.pages import render_page

access_log = Blueprint("access_log", __name__)

Number = Annotated[int, Field(ge=0, le=MAX_ID)]


class AccessLogQuery(Request):
    """Which entries: of an account, of a kind, older than the one with the number `before`."""

    account: Number | None = None
    kind: AccessKind | None = None
    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class AccessEntryOut(Answer):
    """One entry. `who`: today's name of the account; empty if nobody was logged in. `target`: what it was done to."""

    id: int
    at: UtcTime
    kind: str
    event: str
    who: str
    address: str
    target: str


class AccessLogOut(BaseModel):
    """Entries, newest first. `next`: the `before` of older ones; null at the end."""

    entries: list[AccessEntryOut]
    next: int | None


@access_log.get("/access-log")
def log_page() -> str:
    """The page of the access log."""
    return render_page("access_log", kinds=list(AccessKind))


@access_log.get("/api/v1/access-log")
@spec.validate(resp=answers(HTTP_200=AccessLogOut, problems=(400,)), tags=["team"])
def show(query: AccessLogQuery) -> AccessLogOut:
    """Who logged in, changed accounts or settings, took data out, and saw which image's answers."""
    with context().project.database.read() as session:
        page = read_access_log(
            session, account=query.account, kind=query.kind, before=query.before, limit=query.limit
        )
    return AccessLogOut(
        entries=[AccessEntryOut.model_validate(entry) for entry in page.entries], next=page.next
    )
