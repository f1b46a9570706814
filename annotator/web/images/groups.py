"""Groups: the page, its API, and what people decide about the ties of images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictInt
from spectree import Response

from annotator.domain.timestamps import utc_text
from annotator.models import GroupDecision
from annotator.services.common.cached_stats import is_large, read_statistics
from annotator.services.grouping.listing import (
    LEAKS,
    GroupImage,
    LeakReport,
    decide,
    images_of_group,
    list_groups,
    undo_group_decision,
)
from annotator.services.grouping.near_duplicates import find_near_duplicates
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, ProblemAnswer, Request, spec
from annotator.web.http.pages import render_page

groups_api = Blueprint("groups_api", __name__)
_ImageId = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]


class GroupsQuery(Request):
    """A page of the list: `after` is how many groups come before it."""

    after: int = Field(0, ge=0, le=MAX_ID)
    limit: int = Field(60, ge=1, le=200)


class GroupQuery(Request):
    """The key of a group."""

    key: Annotated[str, Field(min_length=1, max_length=500)]


class GroupOut(BaseModel):
    """A group of more than one image, shown by its first one."""

    key: str
    split: str
    images: int
    image_url: str


class GroupsOut(BaseModel):
    """A page of groups, the largest first; `total` counts all."""

    groups: list[GroupOut]
    total: int


class GroupImageOut(BaseModel):
    """An image, and why it is in its group: the group its source gave it, or the image that it repeats."""

    image_id: int
    image_name: str
    image_url: str
    given_group: str | None
    twin_of: int | None


class GroupImagesOut(BaseModel):
    """The images of one group, at most 500."""

    images: list[GroupImageOut]


class LeakOut(BaseModel):
    """Two images that should not be apart, and their splits."""

    why: str
    first: GroupImageOut
    second: GroupImageOut
    splits: tuple[str, str]


class LeaksOut(BaseModel):
    """Groups in two splits (there must be none), and pairs of images that leak.

    `counted_at`: when the worker looked at the images of a large project; null if this is as of now, or, while `counting` is
    true, if they have not been looked at yet.
    """

    groups: list[str]
    leaks: list[LeakOut]
    counted_at: str | None
    counting: bool


class DecisionRequest(Request):
    """join: the two must not be split apart. cut: they are not the same picture."""

    kind: Literal["join", "cut"]
    first_id: _ImageId
    second_id: _ImageId


class UndoDecisionRequest(Request):
    """Nothing needs to be said."""


class DecisionOut(BaseModel):
    """A decision; it counts until it is taken back.

    `settled`: groups and splits have followed; those of a large project follow in the background.
    """

    id: int
    kind: str
    first_id: int
    second_id: int
    undone: bool
    settled: bool


@groups_api.get("/groups")
def groups_page() -> str:
    """The groups page."""
    return render_page("groups")


@groups_api.get("/api/v1/groups")
@spec.validate(resp=Response(HTTP_200=GroupsOut, HTTP_400=ProblemAnswer), tags=["groups"])
def list_all(query: GroupsQuery) -> GroupsOut:
    """The groups of more than one image, the largest first."""
    with context().project.database.read() as session:
        found, total = list_groups(session, after=query.after, limit=query.limit)
    return GroupsOut(
        groups=[
            GroupOut(key=g.key, split=g.split, images=g.images, image_url=f"/media/{g.first}.jpg")
            for g in found
        ],
        total=total,
    )


@groups_api.get("/api/v1/groups/images")
@spec.validate(
    resp=Response(HTTP_200=GroupImagesOut, HTTP_400=ProblemAnswer, HTTP_404=ProblemAnswer), tags=["groups"]
)
def show_group(query: GroupQuery) -> GroupImagesOut:
    """The images of a group."""
    with context().project.database.read() as session:
        return GroupImagesOut(images=[_image(i) for i in images_of_group(session, query.key)])


@groups_api.get("/api/v1/groups/leaks")
@spec.validate(resp=Response(HTTP_200=LeaksOut), tags=["groups"])
def show_leaks() -> LeaksOut:
    """What is shared between splits: the leak report; of a large project as the worker found it last."""
    with context().project.database.read() as session:
        kept = read_statistics(session, LEAKS)
    report = kept.value or LeakReport([], [])
    leaks = [
        LeakOut(why=k.why, first=_image(k.first), second=_image(k.second), splits=k.splits)
        for k in report.leaks
    ]
    return LeaksOut(
        groups=report.groups,
        leaks=leaks,
        counted_at=utc_text(kept.counted_at) if kept.counted_at else None,
        counting=kept.value is None,
    )


@groups_api.post("/api/v1/groups/decisions")
@spec.validate(
    resp=Response(
        HTTP_201=DecisionOut,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["groups"],
)
def add_decision(json: DecisionRequest) -> tuple[DecisionOut, int]:
    """Join or cut two images; their groups and splits follow. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        row = decide(session, labeller_id(), key, **json.model_dump())
    return _settled(row), 201


@groups_api.post("/api/v1/groups/decisions/<int:number>/undo")
@spec.validate(
    resp=Response(
        HTTP_200=DecisionOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer, HTTP_404=ProblemAnswer
    ),
    tags=["groups"],
)
def undo_decision(number: int, json: UndoDecisionRequest) -> DecisionOut:
    """Take a decision back; taking it back again changes nothing."""
    del json
    with context().project.database.write() as session:
        row = undo_group_decision(session, number)
    return _settled(row)


def _image(image: GroupImage) -> GroupImageOut:
    known = asdict(image)
    return GroupImageOut(
        image_id=known.pop("id"),
        image_name=known.pop("name"),
        image_url=f"/media/{known.pop('sha256')}.jpg",
        **known,
    )


def _settled(row: GroupDecision) -> DecisionOut:
    """Let groups and splits follow a decision; in a large project the worker does that."""
    project = context().project
    with project.database.read() as session:
        at_once = not is_large(session)
    if at_once:
        find_near_duplicates(project)
    return DecisionOut(
        id=row.id,
        kind=row.kind,
        first_id=row.first_id,
        second_id=row.second_id,
        undone=row.undone_at is not None,
        settled=at_once,
    )
