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
    order: Literal["doubtful", "confident", "probable"] = Field(
        "doubtful", description="probable: all cells by the probability of the value, whatever is predicted."
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


class SweepNextAnswer(BaseModel):
    """A page of images; `groups` is empty if no model predicts the attribute."""

    images: list[SweepImageOut]
    groups: list[SweepGroupOut]
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
    """The answers of a page; `left_out`: leases of its images that are not answered."""

    attribute: Key
    answers: list[SweepCellIn] = Field(max_length=MAX_PAGE)
    left_out: list[Key] = Field(default=[], max_length=MAX_PAGE)
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
