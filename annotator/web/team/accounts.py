"""The login page, and its API."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from threading import Lock
from typing import Annotated

from flask import Blueprint, render_template, request, session
from pydantic import BaseModel, Field

from annotator.errors import TooMany, Unauthorized
from annotator.services.accounts import check_password, has_accounts, password_stamp
from annotator.web.http.context import account, context
from annotator.web.http.contracts import Request, answers, spec
from annotator.web.http.proxies import client_address

accounts = Blueprint("accounts", __name__)

FAILURES = 10
WINDOW_SECONDS = 300.0


class LoginRequest(Request):
    """Name and password."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1000)]


class Me(BaseModel):
    """Who is logged in."""

    name: str
    role: str


class _Failures:
    """Count failed logins per name and per address, so that nobody can try passwords in bulk."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def too_many(self, *keys: str) -> bool:
        with self._lock:
            return any(len(self._recent(key)) >= FAILURES for key in keys)

    def add(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._recent(key).append(time.monotonic())

    def _recent(self, key: str) -> deque[float]:
        times = self._times[key]
        while times and times[0] < time.monotonic() - WINDOW_SECONDS:
            times.popleft()
        return times


_failures = _Failures()


@accounts.get("/login")
def login_page() -> str:
    """The login page; without accounts, how to open the project."""
    with context().project.database.read() as database:
        opens_by_token = context().settings.start_token and not has_accounts(database)
    return render_template("login.html", active=None, opens_by_token=opens_by_token)


@accounts.post("/api/v1/login")
@spec.validate(resp=answers(HTTP_200=Me, problems=(401, 429)), tags=["accounts"])
def login(json: LoginRequest) -> Me:
    """Log in. The browser gets a cookie that scripts cannot read."""
    keys = (f"name:{json.name}", f"address:{client_address(request)}")
    if _failures.too_many(*keys):
        raise TooMany(
            "too_many_tries",
            "Too many failed logins.",
            do=f"Wait {int(WINDOW_SECONDS // 60)} minutes and try again.",
        )
    with context().project.database.read() as database:
        user = check_password(database, json.name, json.password)
    if user is None:
        _failures.add(*keys)
        raise Unauthorized(
            "wrong_login", "Name or password is wrong.", do="Try again, or ask an admin for a new password."
        )
    session.clear()
    session.permanent = True
    session["labeller"], session["stamp"] = user.id, password_stamp(user.password_hash)
    return Me(name=user.name, role=user.role)


@accounts.post("/api/v1/logout")
@spec.validate(resp=answers(HTTP_204=None), tags=["accounts"])
def logout() -> tuple[str, int]:
    """Log out."""
    session.clear()
    return "", 204


@accounts.get("/api/v1/me")
@spec.validate(resp=answers(HTTP_200=Me, problems=(401,)), tags=["accounts"])
def me() -> Me:
    """Who is logged in."""
    sender = account()
    return Me(name=sender.name, role=sender.role)
