"""The API that excludes images and restores them."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictStr

from annotator.database import Session
from annotator.domain.exclusions import ExclusionReason
from annotator.services.annotation.exclude import MOST_IMAGES, ToExclude, exclude, restore
from annotator.services.annotation.undo import undo_exclusion
from annotator.services.common.progress import read_progress
from annotator.services.review.queue import check_reviewer
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Id, Key, Milliseconds, ProgressOut, Request, answers, spec

exclusions_api = Blueprint("exclusions_api", __name__, url_prefix="/api/v1/exclusions")

Ids = Annotated[list[Id], Field(min_length=1, max_length=MOST_IMAGES)]


class ExclusionRequest(Request):
    """Exclude images, all or none. Several at once need a reviewer."""

    image_ids: Ids
    reason: ExclusionReason
    note: Annotated[StrictStr, Field(description="Plain text, at most 500 characters.")] = ""
    milliseconds: Milliseconds | None = None


class RestoreRequest(Request):
    """Restore excluded images, all or none."""

    image_ids: Ids


class ExclusionUndoRequest(Request):
    """Undo an exclusion or a restoration: `submission`, or the caller's last one without it."""

    submission: Key | None = None


class ExclusionAnswer(BaseModel):
    """What was stored. `image_ids`: the images that changed; the others were excluded, or counted, already."""

    submission: str
    image_ids: list[int]
    progress: ProgressOut


@exclusions_api.post("")
@spec.validate(resp=answers(HTTP_200=ExclusionAnswer, problems=(404, 409)), tags=["exclusions"])
def exclude_images(json: ExclusionRequest) -> ExclusionAnswer:
    """Exclude images: they no longer count anywhere, and keep their labels. Repeating a key changes nothing."""
    wanted = ToExclude(idempotency_key(), tuple(json.image_ids), json.reason, json.note, json.milliseconds)
    with context().project.database.write() as session:
        me = labeller_id()
        if len(wanted.image_ids) > 1:
            check_reviewer(session, me)
        changed = exclude(session, me, wanted)
        return _answer(session, me, changed.key, changed.image_ids)


@exclusions_api.post("/restore")
@spec.validate(resp=answers(HTTP_200=ExclusionAnswer, problems=(404, 409)), tags=["exclusions"])
def restore_images(json: RestoreRequest) -> ExclusionAnswer:
    """Let excluded images count again, no matter who excluded them. Repeating a key changes nothing."""
    with context().project.database.write() as session:
        me = labeller_id()
        check_reviewer(session, me)
        changed = restore(session, me, idempotency_key(), json.image_ids)
        return _answer(session, me, changed.key, changed.image_ids)


@exclusions_api.post("/undo")
@spec.validate(resp=answers(HTTP_200=ExclusionAnswer, problems=(404, 409)), tags=["exclusions"])
def undo_images(json: ExclusionUndoRequest) -> ExclusionAnswer:
    """Undo an exclusion or a restoration of the caller's: its images become what they were before."""
    with context().project.database.write() as session:
        me = labeller_id()
        target, images = undo_exclusion(session, me, idempotency_key(), json.submission)
        return _answer(session, me, target.key, images)


def _answer(session: Session, me: int, key: str, image_ids: list[int]) -> ExclusionAnswer:
    progress = ProgressOut.model_validate(read_progress(session, me))
    return ExclusionAnswer(submission=key, image_ids=image_ids, progress=progress)
