"""Protection against other sites: only a browser on Facelabel's own pages, and programs, may use this server.

On 127.0.0.1 nobody logs in, so another site in the same browser must not be able to act or read. The Host header must name
this server (DNS rebinding), and a request that changes something must not come from another origin (Sec-Fetch-Site and
Origin, which a page cannot forge). A body must be JSON, or application/octet-stream where a file is expected: a plain form can
send neither, and another site's script cannot without a CORS preflight, which fails.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from annotator.errors import Forbidden, WrongUse
from annotator.services.importing.uploads import PIECE_BYTES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
)
"""For pages written as one file, such as cards and reports: they contain their styles and pictures, load nothing and run nothing."""
_SAFE = {"GET", "HEAD", "OPTIONS"}
_BYTES = "application/octet-stream"
TAKES_BYTES = frozenset({"imports_api.upload", "imports_api.receive"})
"""The routes whose body is a piece of a file."""

LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
"""Hosts that only this machine can reach."""


def protect(app: Flask, host: str) -> None:
    """Check every request, and add the protecting headers to every answer.

    Args:
        app: the app.
        host: the address that the server listens on; a request must name it or this machine as its host.
    """
    allowed = LOCAL_NAMES | {host}

    @app.before_request
    def check() -> None:
        if urlsplit(f"//{request.host}").hostname not in allowed:
            raise Forbidden(
                "wrong_host", f"This server is not called {request.host!r}.", do=f"Open it as {host}."
            )
        if request.method in _SAFE:
            return
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site not in {"same-origin", "none"} or (
            origin is not None and urlsplit(origin).netloc != request.host
        ):
            raise Forbidden(
                "other_origin",
                "Another site's page may not use this server.",
                do="Use Facelabel's own pages.",
            )
        if request.endpoint in TAKES_BYTES:
            if request.mimetype != _BYTES:
                raise WrongUse(
                    "not_bytes", "The body must be a file's bytes.", do=f"Send Content-Type: {_BYTES}."
                )
            request.max_content_length = PIECE_BYTES
        elif request.mimetype != "application/json":
            raise WrongUse("not_json", "The body must be JSON.", do="Send Content-Type: application/json.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers.setdefault("Cache-Control", "no-store")
        return response
