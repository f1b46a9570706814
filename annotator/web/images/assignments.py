"""The API of assignments: images that the queue gives only to some people."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool

from annotator.services.team.assigning import PastAssignment, assign, list_assignments, release
from annotator.services.team.assignment_plan import MOST_PEOPLE, Preview, Wanted, preview_assignment
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Answer, Empty, Id, Request, UtcTime, answers, spec
from annotator.web.images.views import ViewQuery

assignments = Blueprint("assignments", __name__, url_prefix="/api/v1/team/assignments")


class AssigneeRequest(Request):
    """Somebody who gets images. `share`: of the images; without it, each image goes to the first of the people who asks."""

    labeller: Id = Field(description="A member of GET /api/v1/team.")
    share: Annotated[float, Field(gt=0, le=1)] | None = None


class AssignmentRequest(Request):
    """Images for people: all open ones, or those of a `view` of Browse, whose order does not matter.

    `covers_new`: later images are shared out in the same way; only without a view and with shares.
    """

    people: list[AssigneeRequest] = Field(min_length=1, max_length=MOST_PEOPLE)
    view: ViewQuery | None = None
    covers_new: StrictBool = False

    def wanted(self) -> Wanted:
        """The same for the service.

        Raises:
            WrongUse: if the view cannot be read.
        """
        return wanted_of({each.labeller: each.share for each in self.people}, self.view, self.covers_new)


class PartOut(Answer):
    """What some people get. `held`: images that somebody else is labelling now, and keeps."""

    people: list[int]
    share: float | None
    images: int
    held: int


class AssignmentPreviewOut(Answer):
    """What an assignment would do: it assigns `images` in `groups`, which stay together.

    `rest`: images for everybody, because the shares are less than the whole; `assigned`, `done`: images that stay as they are.
    Of the images, `overlapped` get answers from `opinions` people. `lacking`: fewer people are named, so the further answers
    come from anybody.
    """

    images: int
    groups: int
    rest: int
    assigned: int
    done: int
    overlapped: int
    opinions: int
    lacking: bool
    parts: list[PartOut]


class PoolProgressOut(Answer):
    """How far some people are. `done`: null once it is released; `absent`: none of them can log in any more, so everybody gets their open images."""

    people: list[int]
    names: list[str]
    share: float | None
    images: int
    done: int | None
    absent: bool


class AssignmentOut(BaseModel):
    """An assignment, `active` or `released`. `view`: the filters of Browse that chose the images; null: all open ones."""

    id: int
    state: str
    by: str
    created_at: UtcTime
    released_at: UtcTime | None
    view: dict[str, str | int | float | bool] | None
    covers_new: bool
    parts: list[PoolProgressOut]


class AssignmentsOut(BaseModel):
    """The last 50 assignments, newest first."""

    assignments: list[AssignmentOut]


class NewAssignmentOut(AssignmentsOut):
    """The number of the assignment that was made, and all of them."""

    id: int


def wanted_of(people: dict[int, float | None], view: ViewQuery | None, covers_new: bool) -> Wanted:
    """An assignment as the service takes it.

    Args:
        people: labeller → share.
        view: the view whose images are meant.
        covers_new: whether it holds for later images.

    Raises:
        WrongUse: if the view cannot be read.
    """
    if view is None:
        return Wanted(people, covers_new=covers_new)
    kept = view.model_dump(exclude_defaults=True, exclude={"order", "like"})
    return Wanted(people, view.filters(), kept, covers_new)


@assignments.get("")
@spec.validate(resp=answers(HTTP_200=AssignmentsOut), tags=["team"])
def index() -> AssignmentsOut:
    """The last assignments with their progress, newest first."""
    return AssignmentsOut(assignments=_listed())


@assignments.post("/preview")
@spec.validate(resp=answers(HTTP_200=AssignmentPreviewOut, problems=(404,)), tags=["team"])
def preview(json: AssignmentRequest) -> AssignmentPreviewOut:
    """What an assignment would do now; nothing is stored."""
    project = context().project
    with project.database.read() as session:
        return _preview(preview_assignment(project, session, json.wanted()))


@assignments.post("")
@spec.validate(resp=answers(HTTP_200=NewAssignmentOut, problems=(404, 409)), tags=["team"])
def create(json: AssignmentRequest) -> NewAssignmentOut:
    """Assign images. Nobody loses an image that they are labelling now. Repeating a key changes nothing."""
    number = assign(context().project, labeller_id(), idempotency_key(), json.wanted())
    return NewAssignmentOut(id=number, assignments=_listed())


@assignments.post("/<int:number>/release")
@spec.validate(resp=answers(HTTP_200=AssignmentsOut, problems=(404,)), tags=["team"])
def release_one(number: int, json: Empty) -> AssignmentsOut:
    """End an assignment: everybody gets its open images again. Releasing it again changes nothing."""
    del json
    release(context().project, number)
    return AssignmentsOut(assignments=_listed())


def _listed() -> list[AssignmentOut]:
    with context().project.database.read() as session:
        return [_assignment(past) for past in list_assignments(session)]


def _assignment(past: PastAssignment) -> AssignmentOut:
    parts = [PoolProgressOut.model_validate(part) for part in past.parts]
    return AssignmentOut(**(vars(past) | {"parts": parts, "id": past.number}))


def _preview(preview: Preview) -> AssignmentPreviewOut:
    return AssignmentPreviewOut.model_validate(preview)
