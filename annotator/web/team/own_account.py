"""The page *Account* and its API: the caller's password, sessions and tokens."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, jsonify, session
from pydantic import BaseModel, Field

from annotator.domain.roles import NO_PASSWORD
from annotator.errors import FacelabelError, WrongUse
from annotator.services.access.account import find_account
from annotator.services.access.identities import linked_issuers, unlink_identities
from annotator.services.access.passwords import hash_password
from annotator.services.access.sessions import begin_session, end_session, end_sessions, open_sessions
from annotator.services.access.tokens import add_token, open_tokens, revoke_token
from annotator.services.accounts import check_password, set_password
from annotator.web.http.client import client_device
from annotator.web.http.context import account, context, own_path
from annotator.web.http.contracts import Empty, Request, answers, spec
from annotator.web.http.pages import render_page
from annotator.web.team.accounts import keep_session, limited
from annotator.web.team.contracts import SessionOut, TokenOut, session_out
from annotator.web.team.openid import begin_link, keep_flow
from annotator.web.team.routes import NewTokenOut, TokenRequest

own_account = Blueprint("own_account", __name__)

Password = Annotated[str, Field(max_length=1000)]


class AccountOut(BaseModel):
    """The caller's account. `has_password`: whether they log in with a password; false where nobody logs in.

    `provider`: the OpenID Connect provider that the account can be linked to, null if there is none; `linked`: whether its
    login opens this account.
    """

    name: str
    role: str
    has_password: bool
    sessions: list[SessionOut]
    tokens: list[TokenOut]
    provider: str | None
    linked: bool


class LinkRequest(Request):
    """The password of the account that is linked or unlinked."""

    current: Password


class LinkOut(BaseModel):
    """Where the browser must go to log in at the provider."""

    next: str


class PasswordRequest(Request):
    """The password now, and the new one."""

    current: Password
    new: Password


@own_account.get("/account")
def account_page() -> str:
    """The page *Account*."""
    return render_page("account", active="own-account")  # .account is an entry of the page Team


@own_account.get("/api/v1/account")
@spec.validate(resp=answers(HTTP_200=AccountOut), tags=["accounts"])
def show() -> AccountOut:
    """The caller's account: where it is logged in, and its tokens."""
    sender = account()
    with context().project.database.read() as database:
        sessions, tokens, issuers = (
            open_sessions(database).get(sender.id, []),
            open_tokens(database).get(sender.id, []),
            linked_issuers(database, sender.id),
        )
    provider = context().provider
    return AccountOut(
        name=sender.name,
        role=sender.role,
        has_password=sender.password_hash not in {None, NO_PASSWORD},
        sessions=[session_out(entry) for entry in sessions],
        tokens=[TokenOut.model_validate(token) for token in tokens],
        provider=provider.title if provider else None,
        linked=provider is not None and provider.issuer in issuers,
    )


@own_account.post("/api/v1/account/password")
@spec.validate(resp=answers(HTTP_204=None, problems=(429,)), tags=["accounts"])
def change_password(json: PasswordRequest) -> tuple[str, int]:
    """Change the caller's password. All their sessions and tokens end, and this browser gets a new session."""
    sender = _with_password(json.current)
    hashed = hash_password(json.new, sender)
    with context().project.database.write() as database:
        set_password(database, sender, hashed)
        database.flush()
        token = begin_session(database, find_account(database, sender), client_device())
    if "login" in session:
        keep_session(account().id, token)
    return "", 204


@own_account.post("/api/v1/account/identity")
@spec.validate(resp=answers(HTTP_200=LinkOut, problems=(404, 429)), tags=["accounts"])
def link(json: LinkRequest) -> Response:
    """Begin to link the caller's account to their login at the OpenID Connect provider, which they confirm there."""
    _with_password(json.current)
    url, flow = begin_link()
    answer = jsonify(LinkOut(next=url).model_dump())
    keep_flow(answer, flow, own_path("/account"), link=account().id)
    return answer


@own_account.post("/api/v1/account/identity/unlink")
@spec.validate(resp=answers(HTTP_204=None, problems=(404, 409, 429)), tags=["accounts"])
def unlink(json: LinkRequest) -> tuple[str, int]:
    """Let the provider's login open the caller's account no longer; sessions that began so end."""
    _with_password(json.current)
    with context().project.database.write() as database:
        unlink_identities(database, account().id)
    return "", 204


@own_account.post("/api/v1/account/sessions/<int:number>/end")
@spec.validate(resp=answers(HTTP_204=None, problems=(404,)), tags=["accounts"])
def end_one(number: int, json: Empty) -> tuple[str, int]:
    """End a session of the caller."""
    del json
    with context().project.database.write() as database:
        end_session(database, account().id, number)
    return "", 204


@own_account.post("/api/v1/account/sessions/end")
@spec.validate(resp=answers(HTTP_204=None), tags=["accounts"])
def end_all(json: Empty) -> tuple[str, int]:
    """Log out everywhere, here too. Tokens stay."""
    del json
    with context().project.database.write() as database:
        end_sessions(database, account().id)
    return "", 204


@own_account.post("/api/v1/account/tokens")
@spec.validate(resp=answers(HTTP_201=NewTokenOut), tags=["accounts"])
def make_token(json: TokenRequest) -> tuple[NewTokenOut, int]:
    """Make a token for a program of the caller. It is shown only once, because only its hash is stored."""
    name = _with_login()
    with context().project.database.write() as database:
        return NewTokenOut(token=add_token(database, name, json.purpose, json.scope, json.days)), 201


@own_account.post("/api/v1/account/tokens/<int:number>/revoke")
@spec.validate(resp=answers(HTTP_204=None, problems=(404,)), tags=["accounts"])
def revoke(number: int, json: Empty) -> tuple[str, int]:
    """Revoke a token of the caller; revoking it again changes nothing."""
    del json
    with context().project.database.write() as database:
        revoke_token(database, number, owner=account().id)
    return "", 204


def _with_password(password: str) -> str:
    """The name of the account that sent this request, with its password.

    Raises:
        FacelabelError: if the password is wrong.
    """
    sender = _with_login()
    if limited(sender, lambda: _check(sender, password)) is None:
        raise FacelabelError("wrong_password", "The current password is wrong.", do="Try again.")
    return sender


def _check(name: str, password: str) -> bool | None:
    with context().project.database.read() as database:
        return True if check_password(database, name, password) is not None else None


def _with_login() -> str:
    """The name of the account that sent this request.

    Raises:
        WrongUse: if nobody logs in, so that there is no account.
    """
    sender = account()
    if sender.password_hash is None:
        raise WrongUse(
            "no_accounts", "Nobody logs in to this project yet.", do="Make an account on the page Team."
        )
    return sender.name
