"""Splits: how the values are spread over them, what a better seed would change, and putting it in active."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt
from spectree import Response
from sqlalchemy import select

from annotator.errors import FacelabelError
from annotator.models import Project
from annotator.services.grouping.split_balance import Held, balance_splits, plan_balance
from annotator.web.http.context import context
from annotator.web.http.contracts import MAX_ID, ProblemAnswer, Request, spec

MOST_IMAGES = 200_000
"""Counting the values of more images and trying seeds takes longer than a page waits."""

splits_api = Blueprint("splits_api", __name__)
_Seed = Annotated[StrictInt, Field(ge=-MAX_ID, le=MAX_ID)]


class HeldOut(BaseModel):
    """What one split holds of a value."""

    images: int
    groups: int


class SpreadOut(BaseModel):
    """How a value is spread, by split; `then`: with the better seed. All images have the attribute ""."""

    attribute: str
    value: str
    now: dict[str, HeldOut]
    then: dict[str, HeldOut]


class SplitsOut(BaseModel):
    """The seed in force and the one that spreads the values best, which is the same if none is better.

    `distance`: from the wanted shares; a random seed has 1 on average. `moved`: images that would be in another split. `models`: that
    were trained with the splits as they are: the change then needs `even_so`. `warnings`: what is lost by it.
    """

    seed_now: int
    seed: int
    distance_now: float
    distance: float
    values: list[SpreadOut]
    moved: int
    models: int
    warnings: list[str]


class BalanceRequest(Request):
    """The better seed, and the one that it takes the place of; `even_so`: also if models were trained."""

    seed: _Seed
    instead_of: _Seed
    even_so: StrictBool = False


class BalancedOut(BaseModel):
    """The seed in force, and how many images were moved; 0 for a repetition."""

    seed: int
    moved: int


@splits_api.get("/api/v1/splits")
@spec.validate(resp=Response(HTTP_200=SplitsOut, HTTP_400=ProblemAnswer), tags=["groups"])
def show_splits() -> SplitsOut:
    """How the values are spread over the splits, and how the better seed would spread them; nothing is changed."""
    with context().project.database.read() as session:
        _check_size(session.scalars(select(Project.image_count)).one())
        plan = plan_balance(session)
    return SplitsOut(
        seed_now=plan.seed_now,
        seed=plan.seed,
        distance_now=plan.distance_now,
        distance=plan.distance,
        values=[
            SpreadOut(
                attribute=row.attribute,
                value=row.value,
                now={split: _held(held) for split, held in row.now.items()},
                then={split: _held(held) for split, held in row.then.items()},
            )
            for row in plan.values
        ],
        moved=plan.moved,
        models=plan.models,
        warnings=plan.warnings,
    )


@splits_api.post("/api/v1/splits")
@spec.validate(
    resp=Response(HTTP_200=BalancedOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer, HTTP_409=ProblemAnswer),
    tags=["groups"],
)  # fmt: skip
def balance(json: BalanceRequest) -> BalancedOut:
    """Put the better seed in active. Doing it again changes nothing."""
    with context().project.database.write() as session:
        _check_size(session.scalars(select(Project.image_count)).one())
        moved = balance_splits(session, json.seed, instead_of=json.instead_of, even_so=json.even_so)
    return BalancedOut(seed=json.seed, moved=moved)


def _check_size(images: int) -> None:
    if images > MOST_IMAGES:
        raise FacelabelError(
            "too_large",
            f"To balance the splits of more than {MOST_IMAGES:,} images takes longer than a page waits.",
            do="Call `facelabel splits` where the project is.",
        )


def _held(held: Held) -> HeldOut:
    return HeldOut(images=held.images, groups=held.groups)
