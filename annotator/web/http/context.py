"""What a request needs to know: the project, the settings, the account that sent it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, g, request

from annotator.config import Settings
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.access.account import Account
from annotator.services.access.failed_logins import LoginThrottle
from annotator.services.access.openid import OpenIdProvider
from annotator.services.access.recorder import AccessRecorder
from annotator.services.faces.tiles import TileStore
from annotator.services.monitoring.startup_check import StartupCheck
from annotator.services.review.explainer import Explainer


@dataclass(frozen=True)
class Context:
    """One served project."""

    project: ProjectFolder
    settings: Settings
    tiles: TileStore
    explainer: Explainer
    checkup: StartupCheck
    recorder: AccessRecorder
    throttle: LoginThrottle
    provider: OpenIdProvider | None = None

    def close(self) -> None:
        """End the processes and threads of this web process, and write what they have noted."""
        self.tiles.close()
        self.explainer.close()
        self.recorder.stop()


def context() -> Context:
    """The context of the app that handles this request."""
    return context_of(current_app)


def context_of(app: Flask) -> Context:
    """The context of an app."""
    served = app.extensions["facelabel"]
    assert isinstance(served, Context)
    return served


def account() -> Account:
    """The account that sent this request, as `web/http/access` established."""
    sender = g.account
    assert isinstance(sender, Account)
    return sender


def own_path(path: str) -> str:
    """The address of a page or a file of this server: behind a proxy, all of them may lie below the path of the public URL.

    Args:
        path: as the server knows it, such as `/browse`.
    """
    return request.script_root + path


def labeller_id() -> int:
    """The id of the account that sent this request."""
    return account().id


def idempotency_key() -> str:
    """The request's random key, by which a repetition is recognised.

    Raises:
        WrongUse: if the header is missing or too long.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= 200:
        raise WrongUse(
            "no_key",
            "The header Idempotency-Key is missing or too long.",
            do="Send a random key of 1 to 200 characters.",
        )
    return key
