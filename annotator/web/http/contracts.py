"""What all requests and answers share; /api/v1/openapi.json publishes them, docs/api.md describes them.

The contracts of each family of pages are in its own package.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from spectree import Response, SpecTree

from annotator import __version__
from annotator.domain.exclusions import ExclusionReason
from annotator.domain.timestamps import utc_text
from annotator.web.http.problems import bad_request

spec = SpecTree(
    "flask",
    title="Facelabel",
    version=__version__,
    path="description",  # SpecTree leaves out routes below this path; we publish its work as /api/v1/openapi.json
    mode="strict",
    page_templates={},
    validation_error_status=400,
    before=bad_request,
    annotations=True,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)

MAX_ID = 2**63 - 1
"""The largest integer that the database can hold."""

Key = Annotated[str, Field(min_length=1, max_length=200)]
Id = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
Code = Id | None
Milliseconds = Annotated[StrictInt, Field(ge=0, le=2**31)]
UtcTime = Annotated[str, BeforeValidator(lambda time: utc_text(time) if isinstance(time, datetime) else time)]
"""A time as text, such as 2026-11-29T08:30:00Z; it takes the `datetime` that the database gives."""


class Request(BaseModel):
    """What the bodies and queries of all requests share: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What the bodies of all answers share: `model_validate` takes an object with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class Empty(Request):
    """A request without fields."""


class Problem(BaseModel):
    """What happened, what was kept, what to do."""

    code: str
    what: str
    kept: str
    do: str


class ProblemAnswer(BaseModel):
    """The one shape of an error."""

    error: Problem


class ProgressOut(Answer):
    """Counts of images."""

    images: int
    done: int
    open: int
    held_by_others: int


class ExclusionOut(Answer):
    """Why an image does not count: who excluded it, when, and for what reason."""

    reason: ExclusionReason
    note: str
    labeller: str
    created_at: UtcTime


def answers(*, problems: Collection[int] = (), **bodies: type[BaseModel] | None) -> Response:
    """What a route answers, for `spec.validate`.

    Args:
        problems: the HTTP statuses of its errors. Those that whole families of routes share need no mention:
            `web/http/description` adds 400 and 403 to all, 401 to those that need a login, 413 to all POST requests.
        bodies: the body of each other status, such as `HTTP_200=RoundOut`; None for an answer without a body.
    """
    return Response(**bodies, **{f"HTTP_{status}": ProblemAnswer for status in problems})
