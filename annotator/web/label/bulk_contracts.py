"""The requests and answers of the sweep page's API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, StrictBool

from annotator.domain.polygon import MOST_LETTERS
from annotator.web.http.contracts import Code, Id, Key, Milliseconds, ProgressOut, Request
from annotator.web.label.contracts import LeasedImageOut, SuggestionOut

MAX_PAGE = 60


class SweepNextRequest(Request):
    """Ask for a page of images; with `value` null they come in the order of the queue, whatever the model predicts."""

    attribute: Key
    value: Code = None
    order: Literal["doubtful", "confident", "probable", "find"] = Field(
        "doubtful",
        description="probable: all cells by the probability of the value, whatever is predicted. find: the same, with images "
        "that are drawn at random among them, so that the answer's `search` says how many with the value are found.",
    )
    count: int = Field(24, ge=0, le=MAX_PAGE, description="0 only returns the groups and renews leases.")
    holding: list[Key] = Field(default=[], max_length=200)
    leaving: list[Key] = Field(default=[], max_length=500, description="Leases to release.")
    without: list[Id] = Field(
        default=[], max_length=1000, description="Images that were left out of earlier pages."
    )
    inside: str | None = Field(
        None, max_length=MOST_LETTERS, description="A polygon on a map: only the images inside are swept."
    )


class SweepImageOut(LeasedImageOut):
    """An image leased to the caller."""

    suggestion: SuggestionOut | None


class SweepGroupOut(BaseModel):
    """A value, and for how many unlabelled cells the loaded predictions suggest it."""

    code: int
    cells: int


class SearchOut(BaseModel):
    """How far the search for one value is. Images that are labelled blind are not part of it."""

    found: int = Field(description="Labelled images with the value.")
    missed: float = Field(
        description="Images with the value that are expected among those that nobody has looked at."
    )
    recall: float = Field(description="The share of all images with the value that is found.")
    low: float
    high: float = Field(description="The bounds of the 95 % interval of `recall`.")
    enough: bool = Field(description="Whether `recall` has reached 95 %.")
    next_page: float = Field(
        description="Images with the value that are expected among the most probable ones of a page."
    )
    images: int = Field(
        description="The most probable images to look at until `recall` is expected to reach 95 %."
    )
    answered: int = Field(description="Images that the search showed and that are answered.")
    source: Literal["predictions", "likeness", "chance"] = Field(
        description="What the order is from; chance: no image has the value yet, or no round has computed likeness."
    )
    mostly: bool = Field(description="Whether most images of the page probably have the value.")
    other: int | None = Field(
        description="The other value of an attribute with two: the answer for images without the value."
    )


class SweepNextAnswer(BaseModel):
    """A page of images; `groups` is empty if no model predicts the attribute, `search` is null unless the order is `find`."""

    images: list[SweepImageOut]
    groups: list[SweepGroupOut]
    search: SearchOut | None
    progress: ProgressOut
    renewed: list[str]
    lost: list[str]


class SweepCellIn(Request):
    """An answer to one image. `code` null means "can't tell". `accepted`: the answer is the unchanged suggestion."""

    image_id: Id
    lease: Key | None = None
    code: Code
    accepted: StrictBool = False


class SweepRequest(Request):
    """The answers of a page; `left_out`: leases of its images that are not answered.

    `searched`: the value that the page searched for (order `find`). `ruled_out`: images that were looked at and have not this
    value; they get no label.
    """

    attribute: Key
    answers: list[SweepCellIn] = Field(max_length=MAX_PAGE)
    left_out: list[Key] = Field(default=[], max_length=MAX_PAGE)
    searched: Code = None
    ruled_out: list[Id] = Field(default=[], max_length=MAX_PAGE)
    milliseconds: Milliseconds | None = None


class SweepAnswer(BaseModel):
    """What was stored; `opinions`: images that somebody else answered or leased meanwhile, whose label stays as it is.

    `excluded`: images that somebody excluded meanwhile; their answers count if they are restored.
    """

    submission: str
    answered: int
    opinions: list[int]
    excluded: list[int]
    progress: ProgressOut


class SweepUndoRequest(Request):
    """Undo a page: `submission`, or the last one without it. `left_out`: images of the page that had no answer."""

    submission: Key | None = None
    left_out: list[Id] = Field(default=[], max_length=MAX_PAGE)


class SweepLeaseOut(BaseModel):
    """An image that is leased to the caller again."""

    image_id: int
    lease: str


class SweepUndoAnswer(BaseModel):
    """The images of the page, leased again, except those that somebody else is working on now."""

    submission: str
    images: list[SweepLeaseOut]
    progress: ProgressOut
