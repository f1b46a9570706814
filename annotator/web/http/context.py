"""What a request needs to know: the project, the settings, who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, g, request

from annotator.config import Settings
from annotator.errors import WrongUse
from annotator.project import ProjectFolder


@dataclass(frozen=True)
class Context:
    """One served project."""

    project: ProjectFolder
    settings: Settings


def context() -> Context:
    """The context of the app that handles this request."""
    found = current_app.extensions["facelabel"]
    assert isinstance(found, Context)
    return found


def labeller_id() -> int:
    """Who is asking; `web/http/access` has found out."""
    return int(g.labeller_id)


def idempotency_key() -> str:
    """The request's own random key, by which a repetition is recognised.

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
