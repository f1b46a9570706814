"""The team page and its API: metrics, settings, aggregation, accounts and tokens."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt

from annotator.domain.roles import Role, Scope
from annotator.errors import FacelabelError, NotFound
from annotator.services.access.identities import link_identity, unlink_identities
from annotator.services.access.passwords import hash_password
from annotator.services.access.sessions import end_sessions
from annotator.services.access.tokens import MAX_DAYS, add_token, revoke_token
from annotator.services.accounts import (
    add_account,
    change_account,
    delete_account,
    has_accounts,
)
from annotator.services.tasks.settings import MAX_OPINIONS, MAX_WITHHELD, team_settings
from annotator.services.team.aggregation import aggregate, preview_aggregation
from annotator.services.team.overview import get_member, read_team
from annotator.services.team.settings import change_team_settings
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Empty, Request, answers, spec
from annotator.web.http.pages import render_page
from annotator.web.team.contracts import MemberOut, TeamOut, TeamSettingsOut, member_out, team_out

team = Blueprint("team", __name__)

Share = Annotated[float, Field(ge=0, le=1)]
Password = Annotated[str, Field(max_length=1000)]


class SettingsRequest(Request):
    """The settings of the team. Without `overlap_confidence` it stays as it is."""

    overlap_share: Share
    overlap_opinions: Annotated[int, Field(ge=2, le=MAX_OPINIONS)]
    overlap_confidence: Annotated[float, Field(ge=0.5, le=1)] | None = None
    gold_share: Annotated[float, Field(ge=0, le=0.5)]
    relabel_share: Annotated[float, Field(ge=0, le=0.5)]
    aggregation: Literal["majority", "dawid_skene"]
    withhold_share: Annotated[float, Field(ge=0, le=MAX_WITHHELD)] | None = Field(
        None, description="Null or missing: it stays as it is."
    )


class AggregationRequest(Request):
    """A request without fields."""


class AggregationOut(BaseModel):
    """What an aggregation does, in cells: answered by several people, with a changed label, left undecided."""

    method: str
    cells: int
    changed: int
    undecided: int


class MemberRequest(Request):
    """A new account; the first one must be an admin."""

    name: Annotated[str, Field(max_length=200)]
    role: Role
    password: Password


class MemberChangeRequest(Request):
    """What to change in an account."""

    name: Annotated[str, Field(max_length=200)] | None = None
    role: Role | None = None
    active: StrictBool | None = None
    password: Password | None = None


class MemberDeleteRequest(Request):
    """How an account is deleted. `forget_name`: its answers stay under "former labeller N"."""

    forget_name: StrictBool


class IdentityRequest(Request):
    """Whose login at the provider: its identifier of the person (`sub`)."""

    subject: Annotated[str, Field(min_length=1, max_length=255)]


class TokenRequest(Request):
    """A token for a program. `days`: how long it is valid; null: until it is revoked."""

    purpose: Annotated[str, Field(min_length=1, max_length=200)]
    scope: Scope = Scope.ADMIN
    days: Annotated[StrictInt, Field(ge=1, le=MAX_DAYS)] | None = None


class NewTokenOut(BaseModel):
    """The token, which is shown only once."""

    token: str


@team.get("/team")
def team_page() -> str:
    """The team page."""
    return render_page("team")


@team.get("/api/v1/team")
@spec.validate(resp=answers(HTTP_200=TeamOut), tags=["team"])
def show_team() -> TeamOut:
    """The members with their metrics, agreement per attribute, settings. A labeller sees only their own metrics."""
    project = context().project
    with project.database.read() as session:
        return team_out(read_team(project, session, labeller_id()))


@team.post("/api/v1/team/settings")
@spec.validate(resp=answers(HTTP_200=TeamSettingsOut), tags=["team"])
def change_settings(json: SettingsRequest) -> TeamSettingsOut:
    """Change the settings."""
    with context().project.database.write() as session:
        settings = replace(team_settings(session), **json.model_dump(exclude_none=True))
        change_team_settings(session, settings)
    return TeamSettingsOut(**asdict(settings))


@team.get("/api/v1/team/aggregation")
@spec.validate(resp=answers(HTTP_200=AggregationOut, problems=(400,)), tags=["team"])
def show_aggregation() -> AggregationOut:
    """What an aggregation would change now."""
    with context().project.database.read() as session:
        return AggregationOut(**asdict(preview_aggregation(session)))


@team.post("/api/v1/team/aggregation")
@spec.validate(resp=answers(HTTP_200=AggregationOut, problems=(409,)), tags=["team"])
def run_aggregation(json: AggregationRequest) -> AggregationOut:
    """Set the labels of cells with several opinions by aggregating these. Repeating a key changes nothing."""
    del json
    return AggregationOut(**asdict(aggregate(context().project, idempotency_key())))


@team.post("/api/v1/team/members")
@spec.validate(resp=answers(HTTP_201=MemberOut), tags=["team"])
def add_member(json: MemberRequest) -> tuple[MemberOut, int]:
    """Make an account. Once there is one, everybody has to log in."""
    hashed = hash_password(json.password, json.name)
    with context().project.database.write() as session:
        if not has_accounts(session) and json.role is not Role.ADMIN:
            raise FacelabelError(
                "first_admin",
                "The first account must be an admin, because only an admin can make the others.",
                do="Choose the role admin.",
            )
        account = add_account(session, json.name, json.role, hashed)
        return member_out(get_member(session, account.id)), 201


@team.post("/api/v1/team/members/<int:number>")
@spec.validate(resp=answers(HTTP_200=MemberOut, problems=(404,)), tags=["team"])
def change_member(number: int, json: MemberChangeRequest) -> MemberOut:
    """Change the name, role or password of an account, or disable or enable it. Its answers stay."""
    hashed = hash_password(json.password, json.name or "") if json.password is not None else None
    with context().project.database.write() as session:
        change_account(session, number, name=json.name, role=json.role, active=json.active, password=hashed)
        return member_out(get_member(session, number))


@team.post("/api/v1/team/members/<int:number>/delete")
@spec.validate(resp=answers(HTTP_204=None, problems=(404,)), tags=["team"])
def delete_member(number: int, json: MemberDeleteRequest) -> tuple[str, int]:
    """Delete an account with its password and tokens. Its answers stay, under its name or as a former labeller's."""
    with context().project.database.write() as session:
        delete_account(session, number, forget_name=json.forget_name)
    return "", 204


@team.post("/api/v1/team/members/<int:number>/sessions/end")
@spec.validate(resp=answers(HTTP_204=None, problems=(404,)), tags=["team"])
def end_member_sessions(number: int, json: Empty) -> tuple[str, int]:
    """Log an account out everywhere. Its tokens stay."""
    del json
    with context().project.database.write() as session:
        end_sessions(session, change_account(session, number).id)
    return "", 204


@team.post("/api/v1/team/members/<int:number>/identity")
@spec.validate(resp=answers(HTTP_204=None, problems=(404, 409)), tags=["team"])
def link_member(number: int, json: IdentityRequest) -> tuple[str, int]:
    """Let a login at the OpenID Connect provider open an existing account, too."""
    provider = context().provider
    if provider is None:
        raise NotFound("no_provider", "This server has no OpenID Connect provider.", do="Set one up first.")
    with context().project.database.write() as session:
        link_identity(session, number, provider.issuer, json.subject)
    return "", 204


@team.post("/api/v1/team/members/<int:number>/identity/unlink")
@spec.validate(resp=answers(HTTP_204=None, problems=(404, 409)), tags=["team"])
def unlink_member(number: int, json: Empty) -> tuple[str, int]:
    """Let no login at a provider open an account any more; sessions that began so end."""
    del json
    with context().project.database.write() as session:
        unlink_identities(session, number)
    return "", 204


@team.post("/api/v1/team/members/<int:number>/tokens")
@spec.validate(resp=answers(HTTP_201=NewTokenOut, problems=(404,)), tags=["team"])
def make_token(number: int, json: TokenRequest) -> tuple[NewTokenOut, int]:
    """Make a token for a program. It is shown only once, because only its hash is stored."""
    with context().project.database.write() as session:
        account = change_account(session, number)
        return NewTokenOut(token=add_token(session, account.name, json.purpose, json.scope, json.days)), 201


@team.post("/api/v1/team/tokens/<int:number>/revoke")
@spec.validate(resp=answers(HTTP_204=None, problems=(404,)), tags=["team"])
def revoke_one_token(number: int, json: Empty) -> tuple[str, int]:
    """Revoke a token; revoking it again changes nothing."""
    del json
    with context().project.database.write() as session:
        revoke_token(session, number)
    return "", 204
