"""The qualification of new labellers: its page, its API for labellers, and its API for the team page."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool

from annotator.services.team.qualification import (
    MOST_IMAGES,
    QualificationSettings,
    QualificationTask,
    Standing,
    answer_image,
    change_qualification,
    count_usable_gold,
    let_pass,
    list_candidates,
    qualification_settings,
    read_standing,
    start_attempt,
)
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import Answer, Code, Empty, Id, Request, answers, spec
from annotator.web.http.media import media_url
from annotator.web.http.pages import render_page

qualifications = Blueprint("qualifications", __name__)


class QualificationTaskOut(BaseModel):
    """The next image, and the attributes that are asked."""

    image_id: int
    image_url: str
    width: int
    height: int
    attributes: list[str]


class QualificationOut(BaseModel):
    """Where the caller stands: `ready`, `running`, `passed` or `failed`.

    Of `images`, `answered` are answered; of their `cells`, `right` were right. `pass_mark`: the share that must be right.
    """

    state: str
    attempts: int
    answered: int
    images: int
    right: int
    cells: int
    pass_mark: float
    task: QualificationTaskOut | None


class QualificationAnswerRequest(Request):
    """The answers to an image: attribute → code, null for "can't tell"."""

    image_id: Id
    values: dict[str, Code]


class CheckedCellOut(Answer):
    """An answer, the known one, and whether they are the same; a code is null for "can't tell"."""

    attribute: str
    code: int | None
    known: int | None
    right: bool


class QualificationAnswerOut(BaseModel):
    """Which answers were right, and where the caller stands now."""

    cells: list[CheckedCellOut]
    qualification: QualificationOut


class QualificationSettingsRequest(Request):
    """`images`: how many a new labeller answers first, 0 for none; `pass_mark`: the share of cells that must be right."""

    images: Annotated[int, Field(ge=0, le=MOST_IMAGES)]
    pass_mark: Annotated[float, Field(ge=0, le=1)]


class QualifiedRequest(Request):
    """Whether the answers of a labeller count."""

    qualified: StrictBool


class CandidateOut(BaseModel):
    """A labeller who must qualify, or tried to, and the newest attempt; fields as of QualificationOut."""

    id: int
    name: str
    qualified: bool
    state: str
    attempts: int
    answered: int
    images: int
    right: int
    cells: int


class TeamQualificationOut(BaseModel):
    """The settings of the qualification, the number of gold images that it can use, and who must qualify or tried to."""

    images: int
    pass_mark: float
    gold: int
    people: list[CandidateOut]


@qualifications.get("/qualification")
def page() -> str:
    """The page of somebody who qualifies."""
    return render_page("qualification")


@qualifications.get("/api/v1/qualification")
@spec.validate(resp=answers(HTTP_200=QualificationOut), tags=["label"])
def show() -> QualificationOut:
    """Where the caller stands."""
    with context().project.database.read() as session:
        return _out(read_standing(session, labeller_id()))


@qualifications.post("/api/v1/qualification/start")
@spec.validate(resp=answers(HTTP_200=QualificationOut), tags=["label"])
def start(json: Empty) -> QualificationOut:
    """Begin an attempt; a running one goes on."""
    del json
    with context().project.database.write() as session:
        start_attempt(session, labeller_id())
        return _out(read_standing(session, labeller_id()))


@qualifications.post("/api/v1/qualification/answers")
@spec.validate(resp=answers(HTTP_200=QualificationAnswerOut, problems=(404,)), tags=["label"])
def answer(json: QualificationAnswerRequest) -> QualificationAnswerOut:
    """Check the answers to an image. The first ones count; a repetition tells the same."""
    with context().project.database.write() as session:
        cells = answer_image(session, labeller_id(), json.image_id, json.values)
        return QualificationAnswerOut(
            cells=[CheckedCellOut.model_validate(cell) for cell in cells],
            qualification=_out(read_standing(session, labeller_id())),
        )


@qualifications.get("/api/v1/team/qualification")
@spec.validate(resp=answers(HTTP_200=TeamQualificationOut), tags=["team"])
def show_team() -> TeamQualificationOut:
    """The settings of the qualification, and how labellers did."""
    return _team()


@qualifications.post("/api/v1/team/qualification")
@spec.validate(resp=answers(HTTP_200=TeamQualificationOut), tags=["team"])
def change(json: QualificationSettingsRequest) -> TeamQualificationOut:
    """Switch the qualification on, change it, or switch it off with 0 images."""
    with context().project.database.write() as session:
        change_qualification(session, QualificationSettings(json.images, json.pass_mark))
    return _team()


@qualifications.post("/api/v1/team/members/<int:number>/qualified")
@spec.validate(resp=answers(HTTP_200=TeamQualificationOut, problems=(404,)), tags=["team"])
def set_qualified(number: int, json: QualifiedRequest) -> TeamQualificationOut:
    """Let the answers of a labeller count without an attempt, or ask for an attempt again."""
    with context().project.database.write() as session:
        let_pass(session, number, qualified=json.qualified)
    return _team()


def _team() -> TeamQualificationOut:
    with context().project.database.read() as session:
        settings = qualification_settings(session)
        people = [
            CandidateOut(
                id=each.labeller_id,
                name=each.name,
                qualified=each.qualified,
                **{
                    name: value
                    for name, value in vars(each.standing).items()
                    if name not in {"task", "pass_mark"}
                },
            )
            for each in list_candidates(session)
        ]
        return TeamQualificationOut(
            images=settings.images,
            pass_mark=settings.pass_mark,
            gold=count_usable_gold(session),
            people=people,
        )


def _out(standing: Standing) -> QualificationOut:
    return QualificationOut(**(vars(standing) | {"task": _task(standing.task)}))


def _task(task: QualificationTask | None) -> QualificationTaskOut | None:
    if task is None:
        return None
    return QualificationTaskOut(
        image_id=task.image_id,
        image_url=media_url(task.sha256),
        width=task.width,
        height=task.height,
        attributes=task.attributes,
    )
