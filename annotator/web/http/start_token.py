"""The start-up token: it opens a project without accounts to the user who started the server, and to nobody else.

Other users of this machine, and whatever a proxy passes on, can reach the server but do not know the token. `facelabel serve`
prints it within the address. The first page that is opened with it stores a login in the browser's cookie and leads on to
the same address without the token, so that it stays in no history and in no `Referer`.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from urllib.parse import urlencode

from flask import current_app, redirect, request, session
from werkzeug.wrappers import Response

from annotator.web.http.context import context

_PARAMETER = "token"
_STARTED = "started"


@cache
def start_token(secret: bytes) -> str:
    """The token of a project, from the key that signs its cookies: 128 bits as hexadecimal digits, the same at each start."""
    return hmac.new(secret, b"start-up token", hashlib.sha256).hexdigest()[:32]


def with_token(url: str, secret: bytes) -> str:
    """An address of the server, with the token."""
    return f"{url}?{urlencode({_PARAMETER: start_token(secret)})}"


def exchange_token() -> Response | None:
    """If a page is opened with the right token, log this browser in and lead to the same page without it."""
    if request.method != "GET" or not _is_right(request.args.get(_PARAMETER, "")):
        return None
    session.permanent = True
    session[_STARTED] = True
    others = urlencode(
        [(name, value) for name, value in request.args.items(multi=True) if name != _PARAMETER]
    )
    return redirect(request.script_root + request.path + (f"?{others}" if others else ""))


def knows_token(bearer: str) -> bool:
    """Whether a request may act in a project without accounts.

    Args:
        bearer: the token in its `Authorization` header; empty if there is none.
    """
    if bearer:
        return _is_right(bearer)
    return not context().settings.start_token or bool(session.get(_STARTED))


def _is_right(token: str) -> bool:
    secret = current_app.secret_key
    assert isinstance(secret, bytes)
    return hmac.compare_digest(token.encode(), start_token(secret).encode())
