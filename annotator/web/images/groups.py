"""The groups page and its API: groups of images, leaks between splits, and decisions to join or cut images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field

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
from annotator.web.http.contracts import MAX_ID, Id, Request, UtcTime, answers, spec
from annotator.web.http.media import media_url
from annotator.web.http.pages import render_page

groups_api = Blueprint("groups_api", __name__)


class GroupsQuery(Request):
    """A page of the list; `after`: how many groups precede it."""

    after: int = Field(0, ge=0, le=MAX_ID)
    limit: int = Field(60, ge=1, le=200)


class GroupQuery(Request):
    """The key of a group."""

    key: Annotated[str, Field(min_length=1, max_length=500)]


class GroupOut(BaseModel):
    """A group of more than one image, and the address and the name of its first image."""

    key: str
    split: str
    images: int
    image_url: str
    image_name: str


class GroupsOut(BaseModel):
    """A page of groups, largest first; `total`: the number of all groups."""

    groups: list[GroupOut]
    total: int


class GroupImageOut(BaseModel):
    """An image, and why it is in its group.

    `given_group`: the group that its source assigned; `twin_of`: the image of which it is a near-duplicate.
    """

    image_id: int
    image_name: str
    image_url: str
    given_group: str | None
    twin_of: int | None


class GroupImagesOut(BaseModel):
    """The images of one group, 500 at most."""

    images: list[GroupImageOut]


class LeakOut(BaseModel):
    """Two images that should be in one split, and their splits."""

    why: str
    first: GroupImageOut
    second: GroupImageOut
    splits: tuple[str, str]


class LeaksOut(BaseModel):
    """Groups in two splits, of which there must be none, and pairs of images that leak between splits.

    `counted_at`: when the worker searched the images of a large project; null if the report is current, or, while `counting` is
    true, if the worker has not searched yet.
    """

    groups: list[str]
    leaks: list[LeakOut]
    counted_at: UtcTime | None
    counting: bool


class DecisionRequest(Request):
    """`join`: the two images must stay in one split. `cut`: they are not near-duplicates."""

    kind: Literal["join", "cut"]
    first_id: Id
    second_id: Id


class UndoDecisionRequest(Request):
    """A request without fields."""


class DecisionOut(BaseModel):
    """A decision; it counts until it is undone.

    `settled`: groups and splits are up to date; those of a large project are updated in the background.
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
@spec.validate(resp=answers(HTTP_200=GroupsOut, problems=(400,)), tags=["groups"])
def list_all(query: GroupsQuery) -> GroupsOut:
    """The groups of more than one image, largest first."""
    with context().project.database.read() as session:
        groups, total = list_groups(session, after=query.after, limit=query.limit)
    return GroupsOut(
        groups=[
            GroupOut(
                key=g.key,
                split=g.split,
                images=g.images,
                image_url=media_url(g.first),
                image_name=g.first_name,
            )
            for g in groups
        ],
        total=total,
    )


@groups_api.get("/api/v1/groups/images")
@spec.validate(resp=answers(HTTP_200=GroupImagesOut, problems=(400, 404)), tags=["groups"])
def show_group(query: GroupQuery) -> GroupImagesOut:
    """The images of a group."""
    with context().project.database.read() as session:
        return GroupImagesOut(images=[_image(i) for i in images_of_group(session, query.key)])


@groups_api.get("/api/v1/groups/leaks")
@spec.validate(resp=answers(HTTP_200=LeaksOut), tags=["groups"])
def show_leaks() -> LeaksOut:
    """The leak report: what is shared between splits. For a large project it is the worker's last report."""
    with context().project.database.read() as session:
        statistics = read_statistics(session, LEAKS)
    report = statistics.value or LeakReport([], [])
    leaks = [
        LeakOut(why=k.why, first=_image(k.first), second=_image(k.second), splits=k.splits)
        for k in report.leaks
    ]
    return LeaksOut(
        groups=report.groups,
        leaks=leaks,
        counted_at=statistics.counted_at,
        counting=statistics.value is None,
    )


@groups_api.post("/api/v1/groups/decisions")
@spec.validate(resp=answers(HTTP_201=DecisionOut, problems=(404, 409)), tags=["groups"])
def add_decision(json: DecisionRequest) -> tuple[DecisionOut, int]:
    """Join or cut two images, and update their groups and splits. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        decision = decide(session, labeller_id(), key, **json.model_dump())
    return DecisionOut(**asdict(decision), settled=_settle()), 201


@groups_api.post("/api/v1/groups/decisions/<int:number>/undo")
@spec.validate(resp=answers(HTTP_200=DecisionOut, problems=(404,)), tags=["groups"])
def undo_decision(number: int, json: UndoDecisionRequest) -> DecisionOut:
    """Undo a decision; undoing it again changes nothing."""
    del json
    with context().project.database.write() as session:
        decision = undo_group_decision(session, number)
    return DecisionOut(**asdict(decision), settled=_settle())


def _image(image: GroupImage) -> GroupImageOut:
    return GroupImageOut(
        image_id=image.id,
        image_name=image.name,
        image_url=media_url(image.sha256),
        given_group=image.given_group,
        twin_of=image.twin_of,
    )


def _settle() -> bool:
    """Update groups and splits after a decision. In a large project the worker does this, and the answer is False."""
    project = context().project
    with project.database.read() as session:
        at_once = not is_large(session)
    if at_once:
        find_near_duplicates(project)
    return at_once
