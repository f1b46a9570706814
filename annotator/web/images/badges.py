"""The counts beside the links of every page."""

from __future__ import annotations

from flask import Blueprint

from annotator.services.review.queue import is_reviewer
from annotator.services.review.waiting import images_to_review, skipped_images
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import Answer, answers, spec

badges = Blueprint("badges", __name__)


class WaitingOut(Answer):
    """A number of images, at most 99; `more` if there may be more than these."""

    images: int
    more: bool


class BadgesOut(Answer):
    """What waits. `review` is null for those who may not review."""

    review: WaitingOut | None
    skipped: WaitingOut


@badges.get("/api/v1/badges")
@spec.validate(resp=answers(HTTP_200=BadgesOut), tags=["review"])
def show() -> BadgesOut:
    """How many images wait for a reviewer, and how many the sender skipped."""
    project, me = context().project, labeller_id()
    with project.database.read() as session:
        review = images_to_review(project, session) if is_reviewer(session, me) else None
        return BadgesOut(
            review=WaitingOut.model_validate(review) if review else None,
            skipped=WaitingOut.model_validate(skipped_images(session, me)),
        )
