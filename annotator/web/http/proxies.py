"""The way of a request through proxies: the client's address, the path prefix, and whether there was a proxy at all.

`X-Forwarded-Host`, `-Proto` and `-Prefix` are not read: the public URL says the same, and nobody can forge it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Request

from annotator.addresses import client_behind, host_name, is_trusted
from annotator.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PROXIED = "facelabel.proxied"
_FORWARDING_HEADERS = tuple(
    f"HTTP_{name}"
    for name in (
        "FORWARDED",
        "VIA",
        "X_FORWARDED_FOR",
        "X_FORWARDED_HOST",
        "X_FORWARDED_PORT",
        "X_FORWARDED_PROTO",
        "X_FORWARDED_SERVER",
        "X_REAL_IP",
    )
)
"""Proxies add at least one of them, browsers and programs none."""
_log = logging.getLogger("facelabel")


def client_address(request: Request) -> str:
    """The address of the client that sent a request: what a trusted proxy says, otherwise the connection's own."""
    return request.remote_addr or ""


def came_through_proxy(request: Request) -> bool:
    """Whether a request carries a header that proxies add, trusted or not."""
    return bool(request.environ.get(_PROXIED))


class ProxyAware:
    """A WSGI app that tells another one how a request would look without the proxies.

    The client's address goes to `REMOTE_ADDR`; the path prefix of the public URL goes from the path to `SCRIPT_NAME`, whether
    the proxy removed it or passed it on.

    Args:
        app: the app that answers.
        settings: the public URL and the trusted proxies.
    """

    def __init__(self, app: WSGIApplication, settings: Settings) -> None:
        self._app = app
        self._public, self._proxies = settings.public_url, settings.trusted_proxies
        self._told = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Correct the request and answer it."""
        environ[_PROXIED] = any(environ.get(name) for name in _FORWARDING_HEADERS)
        if environ[_PROXIED]:
            self._find_client(environ)
        if self._public is not None:
            self._find_address(environ)
        return self._app(environ, start_response)

    def _find_client(self, environ: dict[str, Any]) -> None:
        peer = environ.get("REMOTE_ADDR", "")
        if is_trusted(peer, self._proxies):
            hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
            environ["REMOTE_ADDR"] = client_behind(peer, hops, self._proxies)
        elif not self._told:
            self._told = True
            _log.warning(
                "%s sends forwarding headers and is no trusted proxy: its own address counts as the client's. "
                "If it is your proxy, start with --trusted-proxy %s",
                peer,
                peer,
            )

    def _find_address(self, environ: dict[str, Any]) -> None:
        assert self._public is not None
        if host_name(environ.get("HTTP_HOST", "")) == self._public.host:
            environ["wsgi.url_scheme"] = self._public.scheme
        prefix, path = self._public.prefix, environ.get("PATH_INFO", "")
        environ["SCRIPT_NAME"] = prefix
        if prefix and f"{path}/".startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :]
