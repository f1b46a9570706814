"""The API of splits: how the values are distributed over them, what a better seed would change, and using that seed."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt

from annotator.database import Session
from annotator.errors import FacelabelError
from annotator.services.common.progress import read_progress
from annotator.services.grouping.split_balance import balance_splits, plan_balance
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import MAX_ID, Answer, Request, answers, spec

MOST_IMAGES = 200_000
"""With more images, counting their values and trying seeds takes longer than a page waits."""

splits_api = Blueprint("splits_api", __name__)
_Seed = Annotated[StrictInt, Field(ge=-MAX_ID, le=MAX_ID)]


class HeldOut(Answer):
    """How many images and groups with a value a split contains."""

    images: int
    groups: int


class SpreadOut(Answer):
    """How a value is distributed over the splits: `now`, and `then` with the better seed. The attribute "" means all images."""

    attribute: str
    value: str
    now: dict[str, HeldOut]
    then: dict[str, HeldOut]


class SplitsOut(Answer):
    """The current seed and the seed that distributes the values best; they are equal if no seed is better.

    `distance`: from the wanted proportions; a random seed has 1 on average. `moved`: images that would move to another split.
    `models`: models trained with the current splits; if there are any, the change needs `even_so`. `warnings`: what the change
    would lose.
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
    """The better seed, and the current seed that it replaces. `even_so`: change it although models were trained."""

    seed: _Seed
    instead_of: _Seed
    even_so: StrictBool = False


class BalancedOut(BaseModel):
    """The current seed, and how many images were moved; 0 for a repetition."""

    seed: int
    moved: int


@splits_api.get("/api/v1/splits")
@spec.validate(resp=answers(HTTP_200=SplitsOut, problems=(400,)), tags=["groups"])
def show_splits() -> SplitsOut:
    """How the values are distributed over the splits, and how the better seed would distribute them. Nothing is changed."""
    with context().project.database.read() as session:
        _check_size(session)
        return SplitsOut.model_validate(plan_balance(session))


@splits_api.post("/api/v1/splits")
@spec.validate(resp=answers(HTTP_200=BalancedOut, problems=(409,)), tags=["groups"])
def balance(json: BalanceRequest) -> BalancedOut:
    """Use the better seed. Repeating the request changes nothing."""
    with context().project.database.write() as session:
        _check_size(session)
        moved = balance_splits(session, json.seed, instead_of=json.instead_of, even_so=json.even_so)
    return BalancedOut(seed=json.seed, moved=moved)


def _check_size(session: Session) -> None:
    if read_progress(session, labeller_id()).images > MOST_IMAGES:
        raise FacelabelError(
            "too_large",
            f"Balancing the splits of more than {MOST_IMAGES:,} images takes too long for a page.",
            do="Call `facelabel splits` on the machine that holds the project.",
        )
