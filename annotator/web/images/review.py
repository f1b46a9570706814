"""The review page and its queue of images. Decisions are corrections (images/browse) and resolved flags (images/flags)."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from annotator.services.review.queue import Kind, check_reviewer, review_queue
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import Request, answers, spec
from annotator.web.http.pages import render_page
from annotator.web.images.browse import ImagesOut, images_out

review = Blueprint("review", __name__)


class ReviewQuery(Request):
    """Which queue: open flags, opinions that differ or are undecided, or labels that a confident model contradicts."""

    kind: Kind
    after: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


@review.get("/review")
def review_page() -> str:
    """The review page."""
    return render_page("review")


@review.get("/api/v1/review")
@spec.validate(resp=answers(HTTP_200=ImagesOut, problems=(400,)), tags=["review"])
def list_review(query: ReviewQuery) -> ImagesOut:
    """The next images that need a reviewer. A short page that has a `next` is not the last one."""
    project = context().project
    with project.database.read() as session:
        check_reviewer(session, labeller_id())
        page = review_queue(project, session, query.kind, after=query.after, limit=query.limit)
        return images_out(session, page)
