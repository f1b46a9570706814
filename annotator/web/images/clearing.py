"""The API that clears cells: a reviewer opens an attribute of one image or of many images again."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field

from annotator.services.review.clearing import Clearing, clear_cells, undo_clearing
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Id, Key, Request, answers, spec

clearing = Blueprint("clearing", __name__, url_prefix="/api/v1/images/clear")

MOST_IMAGES = 10_000


class ClearRequest(Request):
    """The cells: one attribute of some images."""

    attribute: Annotated[str, Field(max_length=200)]
    images: Annotated[list[Id], Field(min_length=1, max_length=MOST_IMAGES)]


class ClearUndoRequest(Request):
    """The key of the clearing that is undone."""

    submission: Key


class ClearAnswer(BaseModel):
    """What was done. `cleared`: how many cells had a label and are open now, or have it again."""

    submission: str
    cleared: int


@clearing.post("")
@spec.validate(resp=answers(HTTP_200=ClearAnswer, problems=(404, 409)), tags=["browse"])
def clear(json: ClearRequest) -> ClearAnswer:
    """Open an attribute of some images again, as one submission. Repeating a key changes nothing."""
    key = idempotency_key()
    images = tuple(dict.fromkeys(json.images))
    with context().project.database.write() as session:
        cleared = clear_cells(session, labeller_id(), Clearing(key, json.attribute, images))
    return ClearAnswer(submission=key, cleared=cleared)


@clearing.post("/undo")
@spec.validate(resp=answers(HTTP_200=ClearAnswer, problems=(404, 409)), tags=["browse"])
def undo(json: ClearUndoRequest) -> ClearAnswer:
    """Undo a clearing of yours: the labels from before count again."""
    with context().project.database.write() as session:
        images = undo_clearing(session, labeller_id(), idempotency_key(), json.submission)
    return ClearAnswer(submission=json.submission, cleared=len(images))
