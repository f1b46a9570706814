"""The sweep page and its API: one attribute of many images, answered together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt
from spectree import Response
from sqlalchemy.orm import Session

from annotator.services.annotation.bulk import (
    SweepSelection,
    SweptCell,
    SweptPage,
    count_predicted,
    find_page,
    lease_page,
    submit_page,
    undo_page,
)
from annotator.services.common.progress import read_progress
from annotator.services.tasks.leases import give_up_leases, renew_leases
from annotator.services.tasks.task import Task
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import (
    MAX_ID,
    Code,
    Key,
    ProblemAnswer,
    ProgressOut,
    Request,
    SuggestionOut,
    spec,
)
from annotator.web.http.pages import render_page

sweep = Blueprint("sweep", __name__)

ImageId = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
MAX_PAGE = 60


class SweepNextRequest(Request):
    """Ask for a page; `value` null: in the order of the queue, whatever the model thinks."""

    attribute: Key
    value: Code = None
    order: Literal["doubtful", "confident"] = "doubtful"
    count: int = Field(24, ge=0, le=MAX_PAGE, description="0 tells the groups and renews leases only.")
    holding: list[Key] = Field(default=[], max_length=200)
    leaving: list[Key] = Field(default=[], max_length=500, description="Leases given up.")
    without: list[ImageId] = Field(
        default=[], max_length=1000, description="Images that were left out of earlier pages."
    )


class SweepImageOut(BaseModel):
    """An image leased to the caller."""

    image_id: int
    image_name: str
    image_url: str
    width: int
    height: int
    lease: str
    lease_seconds: int
    suggestion: SuggestionOut | None


class SweepGroupOut(BaseModel):
    """A value, and how many cells without a label the model gives it, as of the predictions."""

    code: int
    cells: int


class SweepNextAnswer(BaseModel):
    """A page; `groups` is empty if the model says nothing about the attribute."""

    images: list[SweepImageOut]
    groups: list[SweepGroupOut]
    progress: ProgressOut
    renewed: list[str]
    lost: list[str]


class SweepCellIn(Request):
    """An answer to one image; `code` null is can't tell. `accepted`: it is the suggestion as it was."""

    image_id: ImageId
    lease: Key | None = None
    code: Code
    accepted: StrictBool = False


class SweepRequest(Request):
    """A page; `left_out`: leases of its images that are not answered."""

    attribute: Key
    answers: list[SweepCellIn] = Field(max_length=MAX_PAGE)
    left_out: list[Key] = Field(default=[], max_length=MAX_PAGE)
    milliseconds: Annotated[StrictInt, Field(ge=0, le=2**31)] | None = None


class SweepAnswer(BaseModel):
    """What was kept; `opinions`: images that were somebody else's by now."""

    submission: str
    answered: int
    opinions: list[int]
    progress: ProgressOut


class SweepUndoRequest(Request):
    """Take a page back, without `submission` the last one; `left_out`: its images that had no answer."""

    submission: Key | None = None
    left_out: list[ImageId] = Field(default=[], max_length=MAX_PAGE)


class SweepLeaseOut(BaseModel):
    """An image that is the caller's again."""

    image_id: int
    lease: str


class SweepUndoAnswer(BaseModel):
    """The images of the page, leased again, but those that somebody else works on by now."""

    submission: str
    images: list[SweepLeaseOut]
    progress: ProgressOut


@sweep.get("/sweep")
def show() -> str:
    """The sweep page."""
    return render_page("sweep")


@sweep.post("/api/v1/sweep/next")
@spec.validate(
    resp=Response(HTTP_200=SweepNextAnswer, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["sweep"]
)
def next_page(json: SweepNextRequest) -> SweepNextAnswer:
    """Lease a page of images that the model thinks alike and that nobody holds; never one of the test split."""
    found = context()
    seconds = found.settings.lease_seconds
    selection = SweepSelection(json.attribute, json.value, json.order, frozenset(json.without))
    with found.project.database.read() as session:  # the scan of the predictions must not hold up writers
        find_page(found.project, session, labeller_id(), selection, json.count)
        sizes = count_predicted(found.project, session, selection)
    with found.project.database.write(durable=False) as session:
        me = labeller_id()
        give_up_leases(session, me, json.leaving)
        renewed, lost = renew_leases(session, me, json.holding, seconds)
        tasks = lease_page(found.project, session, me, selection, count=json.count, lease_seconds=seconds)
        progress = _progress(session, me)
    return SweepNextAnswer(
        images=[_image(task, json.attribute, seconds) for task in tasks],
        groups=[SweepGroupOut(code=code, cells=cells) for code, cells in sizes.items()],
        progress=progress,
        renewed=renewed,
        lost=lost,
    )


@sweep.post("/api/v1/sweep")
@spec.validate(
    resp=Response(
        HTTP_200=SweepAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["sweep"],
)
def annotate_page(json: SweepRequest) -> SweepAnswer:
    """Keep the answers of a page, all or none; they are durable when this returns. Repeating a key changes nothing."""
    page = SweptPage(
        key=idempotency_key(),
        attribute=json.attribute,
        cells=tuple(SweptCell(**cell.model_dump()) for cell in json.answers),
        left_out=tuple(json.left_out),
        milliseconds=json.milliseconds,
    )
    with context().project.database.write() as session:
        me = labeller_id()
        outcome = submit_page(session, me, page)
        progress = _progress(session, me)
    return SweepAnswer(
        submission=outcome.key, answered=outcome.answered, opinions=outcome.opinions, progress=progress
    )


@sweep.post("/api/v1/sweep/undo")
@spec.validate(
    resp=Response(
        HTTP_200=SweepUndoAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["sweep"],
)
def take_back_page(json: SweepUndoRequest) -> SweepUndoAnswer:
    """Take a page back and hand its images out again."""
    found = context()
    seconds = found.settings.lease_seconds
    with found.project.database.write() as session:
        me = labeller_id()
        target, tasks = undo_page(
            found.project,
            session,
            me,
            idempotency_key(),
            json.submission,
            left_out=json.left_out,
            lease_seconds=seconds,
        )
        progress = _progress(session, me)
    leases = [SweepLeaseOut(image_id=task.image_id, lease=task.lease) for task in tasks]
    return SweepUndoAnswer(submission=target.key, images=leases, progress=progress)


def _progress(session: Session, me: int) -> ProgressOut:
    return ProgressOut(**asdict(read_progress(session, me)))


def _image(task: Task, attribute: str, seconds: int) -> SweepImageOut:
    suggestion = next((cell.suggestion for cell in task.cells if cell.attribute == attribute), None)
    return SweepImageOut(
        image_id=task.image_id,
        image_name=task.image_name,
        image_url=f"/media/{task.sha256}.jpg",
        width=task.width,
        height=task.height,
        lease=task.lease,
        lease_seconds=seconds,
        suggestion=SuggestionOut(**asdict(suggestion)) if suggestion else None,
    )
