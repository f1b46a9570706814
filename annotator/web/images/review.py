"""Review: the queue of what wants a reviewer. Decisions go through the corrections and flags of their own modules."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import Field
from spectree import Response

from annotator.services.review.queue import Kind, check_reviewer, review_queue
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import ProblemAnswer, Request, spec
from annotator.web.http.pages import render_page
from annotator.web.images.browse import ImagesOut, images_out

review = Blueprint("review", __name__)


class ReviewQuery(Request):
    """Which queue: open flags, opinions that differ or gave no clear answer, labels that a confident model contradicts."""

    kind: Kind
    after: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


@review.get("/review")
def review_page() -> str:
    """The reviewer's page."""
    return render_page("review")


@review.get("/api/v1/review")
@spec.validate(
    resp=Response(HTTP_200=ImagesOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["review"]
)
def list_review(query: ReviewQuery) -> ImagesOut:
    """The next images that want a reviewer. A short page with a `next` is not the end: ask on."""
    found = context()
    with found.project.database.read() as session:
        check_reviewer(session, labeller_id())
        page = review_queue(found.project, session, query.kind, after=query.after, limit=query.limit)
        return images_out(session, page)
