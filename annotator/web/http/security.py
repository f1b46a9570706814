"""Protection against other sites: only a browser on Facelabel's own pages, and programs, may use this server.

On 127.0.0.1 nobody logs in, so another site in the same browser must not be able to act or read. The Host header must name
this server (DNS rebinding), and a request that changes something must not come from another origin (Sec-Fetch-Site and
Origin, which a page cannot forge). A body must be JSON, or application/octet-stream where a file is expected: a plain form can
send neither, and another site's script cannot without a CORS preflight, which fails.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from annotator.addresses import PublicUrl, host_name, own_names
from annotator.config import Settings
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
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer; no route sets one of them itself."""
HSTS = "max-age=31536000"
"""For a year, browsers open the public host by HTTPS only. Its subdomains and preloading are its owner's to decide."""


def protect(app: Flask, settings: Settings, images_at: str = "") -> None:
    """Check every request, and add the protecting headers to every answer.

    Args:
        app: the app.
        settings: the names of the server, one of which a request must name as its host.
        images_at: an address of another server from which pages may show images; "" if there is none.
    """
    policy = _policy(images_at)
    public = settings.public_url
    allowed = own_names(settings.host, settings.names, public)
    always = _ALWAYS | ({"Strict-Transport-Security": HSTS} if public is not None and public.secure else {})

    @app.before_request
    def check() -> None:
        # A proxy or a container asks for the health by any name, and the answer holds nothing.
        if host_name(request.host) not in allowed and request.endpoint != "health.check":
            raise Forbidden(
                "wrong_host",
                f"This server is not called {request.host!r}.",
                do="Open the address that `facelabel serve` prints. If this is a name of the server, start it with "
                "--name, or with --public-url behind a proxy.",
            )
        if request.method in _SAFE:
            return
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site not in {"same-origin", "none"} or (
            origin is not None and not _is_own(origin.lower(), public)
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
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.extend(always)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _policy(images_at: str) -> str:
    if not images_at:
        return CONTENT_SECURITY_POLICY
    parts = urlsplit(images_at)
    return CONTENT_SECURITY_POLICY.replace(
        "img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}"
    )


def _is_own(origin: str, public: PublicUrl | None) -> bool:
    """Whether an origin is this server. A proxy may have changed the host that the request names."""
    if public is not None and (origin == public.origin or host_name(request.host) == public.host):
        return origin == public.origin
    return origin.partition("://")[2] == request.host.lower()
