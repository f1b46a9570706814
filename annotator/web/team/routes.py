"""The team page and its API: figures, settings, aggregation, accounts and tokens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool
from spectree import Response

from annotator.domain.roles import Role
from annotator.errors import FacelabelError
from annotator.services.accounts import (
    add_account,
    add_token,
    change_account,
    has_accounts,
    revoke_token,
)
from annotator.services.tasks.overlap import rebuild_wanted_opinions
from annotator.services.tasks.settings import MAX_OPINIONS, TeamSettings, team_settings, write_settings
from annotator.services.team.aggregation import aggregate, preview_aggregation
from annotator.services.team.overview import get_member, read_team
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Empty, ProblemAnswer, Request, spec
from annotator.web.http.pages import render_page
from annotator.web.team.contracts import MemberOut, TeamOut, TeamSettingsOut, member_out, team_out

team = Blueprint("team", __name__)

Share = Annotated[float, Field(ge=0, le=1)]
Password = Annotated[str, Field(max_length=1000)]
_ANSWERS: dict[str, Any] = {"HTTP_400": ProblemAnswer, "HTTP_403": ProblemAnswer}


class SettingsRequest(Request):
    """What the team agrees on."""

    overlap_share: Share
    overlap_opinions: Annotated[int, Field(ge=2, le=MAX_OPINIONS)]
    gold_share: Annotated[float, Field(ge=0, le=0.5)]
    relabel_share: Annotated[float, Field(ge=0, le=0.5)]
    aggregation: Literal["majority", "dawid_skene"]


class AggregationRequest(Request):
    """Let labels follow from opinions."""


class AggregationOut(BaseModel):
    """What an aggregation does, in cells: answered by several, whose label changes, left undecided."""

    method: str
    cells: int
    changed: int
    undecided: int


class MemberRequest(Request):
    """A new account; the first one is an admin."""

    name: Annotated[str, Field(max_length=200)]
    role: Role
    password: Password


class MemberChangeRequest(Request):
    """What to change of an account."""

    role: Role | None = None
    active: StrictBool | None = None
    password: Password | None = None


class TokenRequest(Request):
    """A token for a program."""

    purpose: Annotated[str, Field(min_length=1, max_length=200)]


class NewTokenOut(BaseModel):
    """The token; it is told this once."""

    token: str


@team.get("/team")
def team_page() -> str:
    """The page."""
    return render_page("team")


@team.get("/api/v1/team")
@spec.validate(resp=Response(HTTP_200=TeamOut), tags=["team"])
def show_team() -> TeamOut:
    """The members with their figures, agreement per attribute, settings; labellers are told their own figures only."""
    project = context().project
    with project.database.read() as session:
        return team_out(read_team(project, session, labeller_id()))


@team.post("/api/v1/team/settings")
@spec.validate(resp=Response(HTTP_200=TeamSettingsOut, **_ANSWERS), tags=["team"])
def change_settings(json: SettingsRequest) -> TeamSettingsOut:
    """Put other settings in active."""
    with context().project.database.write() as session:
        before = team_settings(session)
        settings = TeamSettings(**json.model_dump())
        write_settings(session, settings)
        if _wants(before) != _wants(settings):
            rebuild_wanted_opinions(session)
    return TeamSettingsOut(**asdict(settings))


def _wants(settings: TeamSettings) -> tuple[int, int, bool]:
    """What decides which images want a further opinion."""
    return settings.overlap_end, settings.overlap_opinions, settings.relabel_share > 0


@team.get("/api/v1/team/aggregation")
@spec.validate(resp=Response(HTTP_200=AggregationOut, **_ANSWERS), tags=["team"])
def show_aggregation() -> AggregationOut:
    """What an aggregation would do now."""
    with context().project.database.read() as session:
        return AggregationOut(**asdict(preview_aggregation(session)))


@team.post("/api/v1/team/aggregation")
@spec.validate(resp=Response(HTTP_200=AggregationOut, HTTP_409=ProblemAnswer, **_ANSWERS), tags=["team"])
def run_aggregation(json: AggregationRequest) -> AggregationOut:
    """Let the labels of cells with several opinions follow from these. Repeating a key changes nothing."""
    del json
    return AggregationOut(**asdict(aggregate(context().project, idempotency_key())))


@team.post("/api/v1/team/members")
@spec.validate(resp=Response(HTTP_201=MemberOut, **_ANSWERS), tags=["team"])
def add_member(json: MemberRequest) -> tuple[MemberOut, int]:
    """Make an account. From the first one on everybody logs in."""
    with context().project.database.write() as session:
        if not has_accounts(session) and json.role is not Role.ADMIN:
            raise FacelabelError(
                "first_admin",
                "The first account must be an admin: nobody could make the others.",
                do="Choose the role admin.",
            )
        account = add_account(session, json.name, json.role, json.password)
        return member_out(get_member(session, account.id)), 201


@team.post("/api/v1/team/members/<int:number>")
@spec.validate(resp=Response(HTTP_200=MemberOut, HTTP_404=ProblemAnswer, **_ANSWERS), tags=["team"])
def change_member(number: int, json: MemberChangeRequest) -> MemberOut:
    """Change role or password of an account, or let it in and keep it out. What it answered stays."""
    with context().project.database.write() as session:
        change_account(session, number, role=json.role, active=json.active, password=json.password)
        return member_out(get_member(session, number))


@team.post("/api/v1/team/members/<int:number>/tokens")
@spec.validate(resp=Response(HTTP_201=NewTokenOut, HTTP_404=ProblemAnswer, **_ANSWERS), tags=["team"])
def make_token(number: int, json: TokenRequest) -> tuple[NewTokenOut, int]:
    """Make a token for a program; it is told once, only its hash is kept."""
    with context().project.database.write() as session:
        account = change_account(session, number)
        return NewTokenOut(token=add_token(session, account.name, json.purpose)), 201


@team.post("/api/v1/team/tokens/<int:number>/revoke")
@spec.validate(resp=Response("HTTP_204", HTTP_404=ProblemAnswer, **_ANSWERS), tags=["team"])
def revoke_one_token(number: int, json: Empty) -> tuple[str, int]:
    """Make a token useless; saying it again changes nothing."""
    del json
    with context().project.database.write() as session:
        revoke_token(session, number)
    return "", 204
