"""The page *Account* and its API: the caller's password, sessions and tokens."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, session
from pydantic import BaseModel, Field

from annotator.domain.roles import NO_PASSWORD
from annotator.errors import FacelabelError, WrongUse
from annotator.services.access.account import find_account
from annotator.services.access.passwords import hash_password
from annotator.services.access.sessions import begin_session, end_session, end_sessions, open_sessions
from annotator.services.access.tokens import add_token, open_tokens, revoke_token
from annotator.services.accounts import check_password, set_password
from annotator.web.http.client import client_device
from annotator.web.http.context import account, context
from annotator.web.http.contracts import Empty, Request, answers, spec
from annotator.web.http.pages import render_page
from annotator.web.team.accounts import keep_session, limited
from annotator.web.team.contracts import SessionOut, TokenOut, session_out
from annotator.web.team.routes import NewTokenOut, TokenRequest

own_account = Blueprint("own_account", __name__)

Password = Annotated[str, Field(max_length=1000)]


class AccountOut(BaseModel):
    """The caller's account. `has_password`: whether they log in with a password; false where nobody logs in."""

    name: str
    role: str
    has_password: bool
    sessions: list[SessionOut]
    tokens: list[TokenOut]


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
        sessions, tokens = (
            open_sessions(database).get(sender.id, []),
            open_tokens(database).get(sender.id, []),
        )
    return AccountOut(
        name=sender.name,
        role=sender.role,
        has_password=sender.password_hash not in {None, NO_PASSWORD},
        sessions=[session_out(entry) for entry in sessions],
        tokens=[TokenOut.model_validate(token) for token in tokens],
    )


@own_account.post("/api/v1/account/password")
@spec.validate(resp=answers(HTTP_204=None, problems=(429,)), tags=["accounts"])
def change_password(json: PasswordRequest) -> tuple[str, int]:
    """Change the caller's password. All their sessions and tokens end, and this browser gets a new session."""
    sender = _with_login()
    if limited(sender, lambda: _check(sender, json.current)) is None:
        raise FacelabelError("wrong_password", "The current password is wrong.", do="Try again.")
    hashed = hash_password(json.new, sender)
    with context().project.database.write() as database:
        set_password(database, sender, hashed)
        database.flush()
        token = begin_session(database, find_account(database, sender), client_device())
    if "login" in session:
        keep_session(account().id, token)
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
