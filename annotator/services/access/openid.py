"""Logging in through an OpenID Connect provider: the authorization code flow with PKCE, state and nonce.

OpenID Connect Core 1.0, section 3.1; Discovery 1.0; RP-Initiated Logout 1.0; PKCE: RFC 7636. Authlib does the protocol and
joserfc checks the signature. The server sends requests only to the configured issuer, and to hosts that the settings name.
"""

from __future__ import annotations

import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from annotator.config import Settings
from annotator.errors import FacelabelError, TooMany, Unauthorized, WrongUse

SCOPE = "openid profile email"
_FRESH_SECONDS = 3600.0
_TIMEOUT = (5.0, 10.0)
_LEEWAY_SECONDS = 60
_AT_ONCE = 2
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures that are accepted: never none, and never one with the client's secret."""


@dataclass(frozen=True)
class Flow:
    """What the browser keeps between the way to the provider and the way back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class ProviderLogin:
    """What the provider says about who logged in."""

    claims: dict[str, Any]
    id_token: str


class OpenIdProvider:
    """The provider that the settings name.

    Args:
        settings: the server's settings, with an issuer.

    Raises:
        WrongUse: if the settings do not fit together, or Authlib is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        _require_authlib()
        self.issuer = settings.oidc_issuer.rstrip("/")
        self.title = urlsplit(self.issuer).netloc
        self._client_id, self._secret = settings.oidc_client_id, _client_secret(settings)
        if not self._client_id:
            raise WrongUse(
                "no_client_id", "FACELABEL_OIDC_ISSUER needs FACELABEL_OIDC_CLIENT_ID.", do="Set it."
            )
        self._hosts = {self.title, *settings.oidc_hosts.replace(",", " ").split()}
        if not _is_secure(self.issuer):
            raise WrongUse(
                "insecure_issuer", f"The issuer {self.issuer} is not an https:// address.", do="Use https."
            )
        self._wanted_claims = {settings.oidc_name_claim, settings.oidc_role_claim.partition(".")[0]}
        self._metadata: dict[str, Any] = {}
        self._read_at = 0.0
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def begin(self, redirect_uri: str, *, afresh: bool = False) -> tuple[str, Flow]:
        """Return the provider's address where somebody logs in, and what to keep for the way back.

        Args:
            redirect_uri: the address that the provider sends the browser to afterwards.
            afresh: whether the person must log in at the provider even if somebody is logged in there.

        Raises:
            FacelabelError: if the provider does not answer, or not as it should.
        """
        flow = Flow(*(secrets.token_urlsafe(48) for _ in range(3)))
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._endpoint(session, "authorization_endpoint"),
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
                **({"prompt": "login"} if afresh else {}),
            )
        return str(url), flow

    def finish(self, redirect_uri: str, query: dict[str, str], flow: Flow) -> ProviderLogin:
        """Check what the browser brought back, and ask the provider who logged in.

        Args:
            redirect_uri: the address that `begin` got.
            query: the parameters of the way back.
            flow: what `begin` gave.

        Raises:
            Unauthorized: if the login was refused, or the answer does not belong to this browser.
            FacelabelError: if the provider does not answer, or not as it should.
        """
        if not secrets.compare_digest(query.get("state", "").encode(), flow.state.encode()):
            raise _refused("The answer does not belong to this browser.")
        if query.get("iss", self.issuer).rstrip("/") != self.issuer:
            raise _refused("The answer comes from another provider.")  # RFC 9207: mix-up of providers
        if "code" not in query:
            raise _refused(f"The provider says: {query.get('error', 'nothing')[:100]}.")
        with self._session(redirect_uri) as session:
            token = session.fetch_token(
                self._endpoint(session, "token_endpoint"),
                grant_type="authorization_code",
                code=query["code"],
                code_verifier=flow.verifier,
            )
            claims = self._check(session, token, flow)
            if not self._wanted_claims <= set(claims) and self._metadata.get("userinfo_endpoint"):
                answer = session.get(self._endpoint(session, "userinfo_endpoint")).json()
                if answer.get("sub") == claims["sub"]:
                    claims = {**answer, **claims}
        return ProviderLogin(claims, str(token["id_token"]))

    def logout_url(self, id_token: str, return_to: str) -> str | None:
        """The provider's address that ends its own session and then opens `return_to`; None if it has none."""
        try:
            with self._session("") as session:
                self._endpoint(session, "issuer")
        except FacelabelError:
            return None  # the provider is away; logging out here has worked
        url = str(self._metadata.get("end_session_endpoint", ""))
        if not _is_secure(url):
            return None
        query = {
            "id_token_hint": id_token,
            "client_id": self._client_id,
            "post_logout_redirect_uri": return_to,
        }
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

    def _check(self, session: Any, token: dict[str, Any], flow: Flow) -> dict[str, Any]:
        """The claims of the provider's signed token, once its signature, issuer, audience, times and nonce are checked."""
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        keys = KeySet.import_key_set(
            session.get(self._endpoint(session, "jwks_uri"), withhold_token=True).json()
        )
        decoded = jwt.decode(str(token["id_token"]), keys, algorithms=_ALGORITHMS)
        options = {
            "iss": {"essential": True, "value": self._metadata["issuer"]},
            "aud": {"essential": True, "value": self._client_id},
        }
        params = {
            "client_id": self._client_id,
            "nonce": flow.nonce,
            "access_token": token.get("access_token"),
        }
        CodeIDToken(decoded.claims, decoded.header, options, params).validate(leeway=_LEEWAY_SECONDS)
        if not str(decoded.claims["sub"]).isprintable():  # PostgreSQL, for one, cannot store a NUL
            raise _refused("The provider's identifier of the person has control characters.")
        return dict(decoded.claims)

    def _endpoint(self, session: Any, name: str) -> str:
        """An address from the provider's description, which is read again every hour."""
        if not self._metadata or time.monotonic() - self._read_at > _FRESH_SECONDS:
            url = f"{self.issuer}/.well-known/openid-configuration"
            metadata = session.get(url, withhold_token=True).json()
            if str(metadata["issuer"]).rstrip("/") != self.issuer:
                raise ValueError(f"it calls itself {metadata['issuer']!r}")
            self._metadata, self._read_at = metadata, time.monotonic()
        return str(self._metadata[name])

    @contextmanager
    def _session(self, redirect_uri: str) -> Iterator[Any]:
        """A session for requests to the provider, which turns what goes wrong into an error for people."""
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        if not self._places.acquire(blocking=False):
            raise TooMany("login_busy", "Many people log in at this moment.", do="Try again.", retry_after=2)
        try:
            with _client(self._hosts, self._client_id, self._secret, redirect_uri) as session:
                yield session
        except (RequestException, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            raise FacelabelError(
                "provider_failed",
                f"The login through {self.title} did not work: {type(error).__name__}: {str(error)[:200]}.",
                kept="Nobody was logged in.",
                do="Try again, or ask an admin to compare the settings FACELABEL_OIDC_* with the provider's.",
            ) from error
        finally:
            self._places.release()


def _client(hosts: set[str], client_id: str, secret: str | None, redirect_uri: str) -> Any:
    from authlib.integrations.requests_client import OAuth2Session  # noqa: PLC0415

    class Client(OAuth2Session):  # type: ignore[misc]
        """Sends requests to the provider only, and follows no redirect to elsewhere."""

        def request(self, method: str, url: str, **options: Any) -> Any:
            """Send a request, and raise an error if nothing is found there."""
            if urlsplit(url).netloc not in hosts or not _is_secure(url):
                raise ValueError(f"{url} is not an address of the provider")
            answer = super().request(
                method, url, **{**options, "allow_redirects": False, "timeout": _TIMEOUT}
            )
            if not answer.ok and method == "GET":  # the token endpoint says in JSON what is wrong
                answer.raise_for_status()
            return answer

    return Client(
        client_id,
        secret,
        token_endpoint_auth_method="client_secret_basic" if secret else "none",
        scope=SCOPE,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


def _is_secure(url: str) -> bool:
    """Whether an address is encrypted, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)


def _refused(reason: str) -> Unauthorized:
    return Unauthorized("login_refused", f"The login did not work. {reason}", do="Open /login and try again.")


def _require_authlib() -> None:
    try:
        import authlib  # noqa: F401, PLC0415
        import requests  # noqa: F401, PLC0415
    except ImportError as error:
        raise WrongUse(
            "no_authlib",
            "Logging in through an OpenID Connect provider needs Authlib, which is not installed.",
            do="Call `pip install 'facelabel[oidc]'`, or unset FACELABEL_OIDC_ISSUER.",
        ) from error


def _client_secret(settings: Settings) -> str | None:
    """The client's secret, from the environment or from a file that only its owner can read; None for a public client."""
    if settings.oidc_client_secret is not None:
        return settings.oidc_client_secret.get_secret_value()
    file: Path | None = settings.oidc_client_secret_file
    if file is None:
        return None
    try:
        mode = file.stat().st_mode
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(
            "no_secret_file", f"{file} could not be read: {error}.", do="Check its name."
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise WrongUse("open_secret_file", f"Others can read {file}.", do=f"Call `chmod 600 {file}`.")
    return secret
