"""Logging in through an OpenID Connect provider.

The provider sends the browser back from another site, so the session cookie, which is SameSite=Strict, does not come along.
What belongs to the flow is therefore in a signed cookie that is SameSite=Lax and lives for ten minutes, and the way back ends
on a page of ours that opens the page that was wanted: only then is a request from our own site.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response as AnyResponse

from annotator.errors import Forbidden, NotFound, Unauthorized
from annotator.services.access.identities import RoleRule, account_of_identity, link_identity
from annotator.services.access.log import Event, record
from annotator.services.access.openid import Flow, OpenIdProvider
from annotator.services.access.sessions import begin_session
from annotator.web.http.client import client_device
from annotator.web.http.context import context, own_path
from annotator.web.team.accounts import keep_session

oidc = Blueprint("oidc", __name__)

_FLOW_SECONDS = 600


@oidc.get("/login/oidc")
def start() -> AnyResponse:
    """Send the browser to the provider."""
    url, flow = _provider().begin(_redirect_uri())
    answer = redirect(url)
    keep_flow(answer, flow, _own_path(request.args.get("next", own_path("/"))))
    return answer


def begin_link() -> tuple[str, Flow]:
    """Where the owner of an account, who has just given its password, logs in at the provider to link the two.

    They must log in there afresh: another person may be logged in there, in a browser that somebody prepared.
    """
    return _provider().begin(_redirect_uri(), afresh=True)


def keep_flow(answer: AnyResponse, flow: Flow, wanted: str, link: int | None = None) -> None:
    """Put what belongs to a flow into its cookie.

    Args:
        answer: the answer that sets the cookie.
        flow: the flow.
        wanted: the page that opens at its end.
        link: the account that the login is linked to; None: it logs in.
    """
    text = _serializer().dumps({**asdict(flow), "next": wanted, "link": link})
    _set_flow_cookie(answer, text, _FLOW_SECONDS)


@oidc.get("/login/oidc/callback")
def callback() -> Response:
    """Log in whom the provider sent back."""
    provider = _provider()
    try:
        kept = _serializer().loads(request.cookies.get(_flow_cookie(), ""), max_age=_FLOW_SECONDS)
    except BadData as error:
        raise Unauthorized(
            "login_expired",
            "This login began too long ago, or in another browser.",
            do="Open /login and try again.",
        ) from error
    wanted, link = kept.pop("next"), kept.pop("link", None)
    login = provider.finish(_redirect_uri(), request.args.to_dict(), Flow(**kept))
    settings, device = context().settings, client_device()
    if link is not None:
        with context().project.database.write() as session:
            linked = link_identity(session, link, provider.issuer, str(login.claims["sub"]))
            record(
                session,
                linked.id,
                device.address,
                Event.IDENTITY_LINKED,
                f"account {linked.id}, {provider.title}",
            )
        return _end_flow(wanted)
    rule = RoleRule(settings.oidc_role_claim, settings.oidc_roles, settings.oidc_unknown == "refuse")
    with context().project.database.write() as session:
        user = account_of_identity(session, provider.issuer, login.claims, settings.oidc_name_claim, rule)
        if user is not None:
            lifetime = timedelta(hours=settings.oidc_session_hours)
            token = begin_session(session, user, device, lifetime=lifetime, id_token=login.id_token)
            record(session, user.id, device.address, Event.LOGIN, f"{device.name}, {provider.title}")
        else:
            record(session, None, device.address, Event.LOGIN_FAILED, f"refused by role, {provider.title}")
    if user is None:
        raise Forbidden(
            "not_admitted", "You have no access to this project.", do="Ask an admin, then log in again."
        )
    keep_session(user.id, token)
    return _end_flow(wanted)


def _end_flow(wanted: str) -> Response:
    """A page of ours that opens the page that was wanted."""
    answer = make_response(render_template("signed_in.html", active=None, wanted=wanted))
    _set_flow_cookie(answer, "", 0)
    return answer


def _provider() -> OpenIdProvider:
    provider = context().provider
    if provider is None:
        raise NotFound(
            "no_provider", "This server has no OpenID Connect provider.", do="Log in with a password."
        )
    return provider


def _redirect_uri() -> str:
    return url_for("oidc.callback", _external=True)


def _own_path(wanted: str) -> str:
    """The page that was asked for, if it is one of ours: never another site."""
    parts = urlsplit(wanted)
    ours = (
        wanted.startswith("/")
        and not parts.scheme
        and not parts.netloc
        and not wanted.startswith(("//", "/\\"))
    )
    return wanted if ours else own_path("/")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(context().project.secret_key().hex()), salt="facelabel-oidc")


def _flow_cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-oidc"


def _set_flow_cookie(answer: AnyResponse, text: str, seconds: int) -> None:
    answer.set_cookie(
        _flow_cookie(),
        text,
        max_age=seconds,
        path=current_app.session_interface.get_cookie_path(current_app),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
