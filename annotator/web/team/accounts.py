"""The login page, and its API."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Annotated, TypeVar

from flask import Blueprint, render_template, request, session, url_for
from pydantic import BaseModel, Field

from annotator.errors import TooMany, Unauthorized
from annotator.services.access.account import account_number
from annotator.services.access.log import Event
from annotator.services.access.sessions import account_of_session, end_session
from annotator.services.accounts import has_accounts, log_in
from annotator.web.http.access_log import log_access
from annotator.web.http.client import client_device
from annotator.web.http.context import account, context, own_path
from annotator.web.http.contracts import Request, answers, spec
from annotator.web.http.proxies import client_address

accounts = Blueprint("accounts", __name__)

_KNOWN = 20
"""A browser is remembered as a device of so many accounts."""
Result = TypeVar("Result")


class LoginRequest(Request):
    """Name and password."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]


class Me(BaseModel):
    """Who is logged in."""

    name: str
    role: str


class LogoutOut(BaseModel):
    """Where the browser must go to end the provider's session, too."""

    next: str


@accounts.get("/login")
def login_page() -> str:
    """The login page; without accounts, how to open the project."""
    provider = context().provider
    with context().project.database.read() as database:
        opens_by_token = context().settings.start_token and provider is None and not has_accounts(database)
    return render_template(
        "login.html",
        active=None,
        opens_by_token=opens_by_token,
        provider=provider.title if provider else "",
        wanted=request.args.get("next", own_path("/")),
    )


@accounts.post("/api/v1/login")
@spec.validate(resp=answers(HTTP_200=Me, problems=(401, 429)), tags=["accounts"])
def login(json: LoginRequest) -> Me:
    """Log in. The browser gets a cookie that scripts cannot read."""
    database = context().project.database
    result = limited(json.name, lambda: log_in(database, json.name, json.password, client_device()))
    if result is None:
        raise Unauthorized(
            "wrong_login", "Name or password is wrong.", do="Try again, or ask an admin for a new password."
        )
    user, token = result
    keep_session(user.id, token)
    return Me(name=user.name, role=user.role)


def limited(name: str, check: Callable[[], Result | None]) -> Result | None:
    """Check a password, unless too many checks failed. A failure is counted and goes into the access log.

    Args:
        name: the name of the account.
        check: returns None if the password is wrong.

    Raises:
        TooMany: if too many attempts failed, or too many passwords are being checked.
    """
    throttle = context().throttle
    with context().project.database.read() as database:
        number = account_number(database, name)
    device = session.get("device") if number in session.get("known", []) else None
    attempt = throttle.attempt(name, client_address(request), device)
    if attempt.wait > 0:
        if attempt.first:
            log_access(Event.LOGIN_BLOCKED, labeller_id=number)
        seconds = math.ceil(attempt.wait)
        raise TooMany(
            "too_many_tries",
            "Too many failed logins.",
            do=f"Wait {seconds} seconds and try again.",
            retry_after=seconds,
        )
    try:
        result = check()
    except TooMany:
        throttle.give_back(attempt)
        raise
    if result is None:
        log_access(Event.LOGIN_FAILED, labeller_id=number)
    else:
        throttle.give_back(attempt)
    return result


def keep_session(labeller_id: int, token: str) -> None:
    """Give the browser the token of its session, and end the session that it had.

    The cookie also remembers who logged in with this browser; it keeps that at a logout.
    """
    _end_current()
    known = [labeller_id, *(number for number in session.get("known", []) if number != labeller_id)]
    device = session.get("device") or secrets.token_urlsafe(16)
    session.clear()
    session.permanent = True
    session["login"], session["device"], session["known"] = token, device, known[:_KNOWN]


def _end_current() -> str | None:
    """End the session of this browser, if it has one; returns what its provider signed."""
    if not (token := session.pop("login", "")):
        return None
    with context().project.database.read() as database:
        user = account_of_session(database, token)
    if user is None or user.session_id is None:
        return None
    with context().project.database.write() as database:
        return end_session(database, user.id, user.session_id)


@accounts.post("/api/v1/logout")
@spec.validate(resp=answers(HTTP_200=LogoutOut, HTTP_204=None), tags=["accounts"])
def logout() -> LogoutOut | tuple[str, int]:
    """Log out. 200: the provider that the login came through can end its session too."""
    with context().project.database.read() as database:
        user = account_of_session(database, session.get("login", ""))
    id_token = _end_current()
    if user is not None:
        log_access(Event.LOGOUT, labeller_id=user.id)
    provider = context().provider
    if id_token is not None and provider is not None:
        back = url_for("accounts.login_page", _external=True)
        if (url := provider.logout_url(id_token, back)) is not None:
            return LogoutOut(next=url)
    return "", 204


@accounts.get("/api/v1/me")
@spec.validate(resp=answers(HTTP_200=Me, problems=(401,)), tags=["accounts"])
def me() -> Me:
    """Who is logged in."""
    sender = account()
    return Me(name=sender.name, role=sender.role)
