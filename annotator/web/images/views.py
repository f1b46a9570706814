"""The views of *Browse* as requests: filters and an order."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from annotator.database import Session
from annotator.domain.polygon import MOST_LETTERS
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.review.filters import Filters
from annotator.services.review.likeness import MAX_CHOSEN
from annotator.services.review.ordering import rank_images
from annotator.web.http.contracts import MAX_ID, Request

_Text = Annotated[str, Field(min_length=1, max_length=500)]
_Share = Annotated[float, Field(ge=0, le=1)]
_OTHER = {"disagreement", "order", "like", "by", "after", "before", "limit", "also"}


class ViewQuery(Request):
    """A view: images that match all given filters, in an order."""

    attribute: _Text | None = None
    value: _Text | None = Field(
        None, description="A code, none (not labelled), unsure (can't tell) or labelled (with any value)."
    )
    also: Annotated[str, Field(max_length=2000)] = Field(
        "", description="Further values: attribute:value, several with commas between them."
    )
    labeller: _Text | None = Field(None, description="Who gave the current label.")
    origin: Literal["human", "suggestion", "review", "import", "aggregate", "merge", "schema"] | None = None
    source: _Text | None = None
    split: Literal["train", "val", "test"] | None = None
    group: _Text | None = None
    name: _Text | None = Field(None, description="The beginning of the name; after a *, any part of it.")
    faces: Literal["none", "one", "several"] | None = Field(None, description="How many faces were found.")
    flag: Literal["open", "resolved", "any"] | None = None
    skipped: Literal["open", "any"] | None = Field(None, description="Images that somebody skipped.")
    disagreement: Literal["opinions", "model"] | None = Field(
        None,
        description="Extra opinions, or the model's suggestion, differ from the label; no reviewer decided.",
    )
    filled: Literal["only", "without"] | None = Field(
        None,
        description="Only images with a cell that the model fills (of `attribute`, with `value`), or all others.",
    )
    excluded: Literal["only", "without"] | None = Field(
        None, description="Only excluded images, or all others; without it, both."
    )
    predicted: Annotated[int, Field(ge=0, lt=10**9)] | None = Field(
        None, description="The code that the model answers."
    )
    balanced: bool = Field(False, description="`predicted` is the class-balanced answer.")
    sure_from: _Share | None = Field(None, description="The least probability of the model's answer.")
    sure_below: _Share | None = Field(
        None, description="The probability that the model's answer does not reach."
    )
    round: Annotated[int, Field(ge=1, le=MAX_ID)] | None = Field(
        None, description="The round whose model is meant; without it, the ones that suggest now."
    )
    inside: Annotated[str, Field(max_length=MOST_LETTERS)] | None = Field(
        None, description="A polygon on a map of the images: MAP_x.y-x.y-x.y, each number from 0 to 10000."
    )
    order: Literal["name", "date", "uncertainty", "likeness"] = "name"
    like: Annotated[str, Field(max_length=1000)] = Field(
        "", description="For the order likeness: ids of images, several with commas between them."
    )

    def filters(self, own_of: int | None = None) -> Filters:
        """The filters that the services take. `own_of`: the labeller who sees only their own answers; None: a reviewer.

        Raises:
            WrongUse: if `also` cannot be read.
        """
        return Filters(
            **self.model_dump(exclude=_OTHER),
            differing=self.disagreement == "opinions",
            contradicted=0.0 if self.disagreement == "model" else None,
            own_of=own_of,
            also=tuple(_pair(text) for text in self.also.split(",") if text),
        )

    def chosen(self) -> list[int]:
        """The images that others are compared with.

        Raises:
            WrongUse: if `like` holds anything but a few ids.
        """
        parts = [part for part in self.like.split(",") if part]
        if not 1 <= len(parts) <= MAX_CHOSEN or not all(
            p.isascii() and p.isdigit() and len(p) < 19 for p in parts
        ):
            raise WrongUse(
                "bad_like",
                f"The order likeness needs the ids of 1 to {MAX_CHOSEN} images.",
                do="Send them as `like`.",
            )
        return [int(part) for part in parts]


class ImagesQuery(ViewQuery):
    """A page of a view. To get the next page, send the `next` of an answer as `after` (by name also as `before`)."""

    after: _Text | None = None
    before: _Text | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 60

    def filters(self, own_of: int | None = None) -> Filters:
        """The filters that the services take; `own_of` as of ViewQuery.

        Raises:
            WrongUse: if two places are given, or `also` cannot be read.
        """
        if self.after is not None and self.before is not None:
            raise WrongUse(
                "bad_request",
                "A page can follow one name or precede one, not both.",
                do="Send `after` or `before`.",
            )
        return super().filters(own_of)

    def place(self) -> int:
        """The place in an order that is not the one of names.

        Raises:
            WrongUse: if it is no place.
        """
        after = self.after or "0"
        if self.before is not None or not (after.isascii() and after.isdigit() and len(after) < 10):
            raise WrongUse(
                "bad_request",
                "In this order a page follows a place.",
                do="Send the `next` of an answer as `after`.",
            )
        return int(after)


class CountsQuery(ViewQuery):
    """A view whose images are counted."""

    by: _Text | None = Field(None, description="The attribute whose values are counted too.")


class IdsOut(BaseModel):
    """The images of a view by id; `complete`: these are all of them."""

    images: list[int]
    complete: bool


class CountsOut(BaseModel):
    """How many images a view has; `values`: how many it would have with each value, `none` and `unsure` among them.

    `complete` false: the server counted for a moment only, and there are more.
    """

    images: int
    values: dict[str, int]
    complete: bool


def ranked_of(
    project: ProjectFolder, session: Session, query: ViewQuery, own_of: int | None
) -> NDArray[np.int64] | None:
    """The ids of all images in the order of a view; None for the order of names."""
    like = query.chosen() if query.order == "likeness" else ()
    return rank_images(project, session, query.order, attribute=query.attribute, like=like, own_of=own_of)


def _pair(text: str) -> tuple[str, str]:
    attribute, colon, value = text.partition(":")
    if not colon or not value:
        raise WrongUse(
            "bad_request", f"{text!r} is not an attribute and its value.", do="Send also=attribute:value."
        )
    return attribute, value
