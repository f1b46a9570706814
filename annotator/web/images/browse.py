"""Browse: the images of a view, one image with all that was said about it, corrections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr
from spectree import Response
from sqlalchemy.orm import Session

from annotator.domain.timestamps import utc_text
from annotator.errors import WrongUse
from annotator.formats.snapshot.predictions import Suggestion
from annotator.services.review.corrections import Correction, correct, undo_correction
from annotator.services.review.details import CellDetail, HistoryEntry, get_image, read_image
from annotator.services.review.filters import Filters
from annotator.services.review.label_issues import LabelIssue
from annotator.services.review.listing import Page, card_labels, find_images
from annotator.services.review.queue import is_reviewer
from annotator.services.schema.open_values import person_names
from annotator.services.team.gold import is_gold, make_gold, remove_gold
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, Key, ProblemAnswer, Request, spec
from annotator.web.http.pages import render_page
from annotator.web.images.flags import FlagOut, flag_out

browse = Blueprint("browse", __name__)
_Text = Annotated[str, Field(min_length=1, max_length=500)]


class ImagesQuery(Request):
    """A view: all that is given must hold. `next` of an answer is the `after` (or `before`) of the next request."""

    attribute: _Text | None = None
    value: _Text | None = Field(None, description="A code, none (not labelled) or unsure (can't tell).")
    labeller: _Text | None = Field(None, description="Who gave the label that counts.")
    origin: Literal["human", "suggestion", "review", "import", "aggregate", "merge", "schema"] | None = None
    source: _Text | None = None
    split: Literal["train", "val", "test"] | None = None
    group: _Text | None = None
    name: _Text | None = Field(None, description="How the name begins; after a * what it holds.")
    faces: Literal["none", "one", "several"] | None = Field(None, description="How many were found.")
    flag: Literal["open", "resolved", "any"] | None = None
    disagreement: Literal["opinions", "model"] | None = Field(
        None,
        description="Extra opinions, or the model's suggestion, differ from the label; no reviewer decided.",
    )
    after: _Text | None = None
    before: _Text | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 60


class CardOut(BaseModel):
    """One image of a grid; `names`: those of the people among its labels, by attribute."""

    id: int
    name: str
    image_url: str
    split: str
    done: bool
    labels: dict[str, int | None]
    names: dict[str, str]
    adjudicated: list[str]
    open_flags: int


class ImagesOut(BaseModel):
    """Images by name. `next` is null at the end; a short page with a `next` is not the end: ask on."""

    images: list[CardOut]
    next: str | None


class SaidOut(BaseModel):
    """One annotation: an answer, or the taking back of one (`origin` undo). `code` null is can't tell."""

    id: int
    code: int | None
    name: str | None
    labeller: str
    origin: str
    created_at: str
    undone: bool


class SuggestedOut(BaseModel):
    """What the model thinks."""

    code: int
    name: str | None
    probability: float


class SuspicionOut(BaseModel):
    """Why a label is probably wrong: what a model that has not seen the image gives it, and another value."""

    label_probability: float
    code: int
    name: str | None
    probability: float


class CellOfImageOut(BaseModel):
    """One cell: its label, the suggestion, who differs, and its history, the oldest first."""

    attribute: str
    label: SaidOut | None
    suggestion: SuggestedOut | None
    differing: bool
    undecided: bool
    contradicted: bool
    suspicion: SuspicionOut | None
    history: list[SaidOut]


class ImageOut(BaseModel):
    """An image with everything that was said about it.

    `blind`: its suggestions are held back until it is done and wants no further opinion. `gold`: whether its answers are
    known; null for who is no reviewer.
    """

    id: int
    name: str
    image_url: str
    width: int
    height: int
    split: str
    group: str
    source: str
    original_path: str
    done: bool
    blind: bool
    gold: bool | None
    cells: list[CellOfImageOut]
    flags: list[FlagOut]


class CorrectionRequest(Request):
    """New answers to cells of an image; `adjudicate` decides them, whatever others said."""

    values: dict[str, Annotated[StrictInt, Field(ge=0, le=MAX_ID)] | StrictStr | None] = Field(min_length=1)
    adjudicate: StrictBool = False


class CorrectionAnswer(BaseModel):
    """What was kept, and the image as it is now."""

    submission: str
    image: ImageOut


class CorrectionUndoRequest(Request):
    """Take a correction back."""

    submission: Key


class GoldRequest(Request):
    """Make an image gold, or gold no longer; saying it again changes nothing."""

    gold: StrictBool


_ANSWERS: dict[str, Any] = {"HTTP_400": ProblemAnswer, "HTTP_403": ProblemAnswer, "HTTP_404": ProblemAnswer}


@browse.get("/browse")
def browse_page() -> str:
    """The grid."""
    return render_page("browse")


@browse.get("/browse/<int:number>")
def image_page(number: int) -> str:
    """One image, large."""
    return render_page("image", number=number)


@browse.get("/api/v1/images")
@spec.validate(resp=Response(HTTP_200=ImagesOut, HTTP_400=ProblemAnswer), tags=["browse"])
def list_images(query: ImagesQuery) -> ImagesOut:
    """The images of a view by name, a page at a time."""
    if query.after is not None and query.before is not None:
        raise WrongUse("bad_request", "A page is after a name or before one.", do="Send one of the two.")
    asked = query.model_dump(exclude={"disagreement", "after", "before", "limit"})
    filters = Filters(
        **asked,
        differing=query.disagreement == "opinions",
        contradicted=0.0 if query.disagreement == "model" else None,
    )
    found = context()
    with found.project.database.read() as session:
        page = find_images(
            found.project, session, filters, after=query.after, before=query.before, limit=query.limit
        )
        return images_out(session, page)


@browse.get("/api/v1/images/<int:number>")
@spec.validate(resp=Response(HTTP_200=ImageOut, HTTP_404=ProblemAnswer), tags=["browse"])
def show_image(number: int) -> ImageOut:
    """One image: labels, suggestions, flags, history."""
    with context().project.database.read() as session:
        return image_out(session, number)


@browse.post("/api/v1/images/<int:number>/corrections")
@spec.validate(resp=Response(HTTP_200=CorrectionAnswer, HTTP_409=ProblemAnswer, **_ANSWERS), tags=["browse"])
def correct_image(number: int, json: CorrectionRequest) -> CorrectionAnswer:
    """Answer cells of an image anew; no lease is needed. Repeating a key changes nothing."""
    correction = Correction(idempotency_key(), number, json.values, json.adjudicate)
    with context().project.database.write() as session:
        correct(session, labeller_id(), correction)
        return CorrectionAnswer(submission=correction.key, image=image_out(session, number))


@browse.post("/api/v1/images/<int:number>/corrections/undo")
@spec.validate(resp=Response(HTTP_200=CorrectionAnswer, HTTP_409=ProblemAnswer, **_ANSWERS), tags=["browse"])
def take_correction_back(number: int, json: CorrectionUndoRequest) -> CorrectionAnswer:
    """Take a correction back: what counted before it counts again."""
    with context().project.database.write() as session:
        undo_correction(session, labeller_id(), idempotency_key(), number, json.submission)
        return CorrectionAnswer(submission=json.submission, image=image_out(session, number))


@browse.post("/api/v1/images/<int:number>/gold")
@spec.validate(resp=Response(HTTP_200=ImageOut, **_ANSWERS), tags=["browse"])
def set_gold(number: int, json: GoldRequest) -> ImageOut:
    """Take what reviewers decided about an image as its known answers, or make it gold no longer."""
    with context().project.database.write() as session:
        if json.gold:
            make_gold(session, labeller_id(), number)
        else:
            remove_gold(session, get_image(session, number).id)
        session.flush()
        return image_out(session, number)


def images_out(session: Session, page: Page) -> ImagesOut:
    """A page of images as the API tells it."""
    labels = card_labels(session, page.images)
    names = person_names(session, [labels[image.id].codes for image in page.images])
    cards = [
        CardOut(
            id=image.id,
            name=image.name,
            image_url=f"/media/{image.sha256}.jpg",
            split=image.split,
            done=image.open_cells == 0,
            labels=labels[image.id].codes,
            names=names[place],
            adjudicated=labels[image.id].adjudicated,
            open_flags=labels[image.id].open_flags,
        )
        for place, image in enumerate(page.images)
    ]
    return ImagesOut(images=cards, next=page.next)


def image_out(session: Session, number: int) -> ImageOut:
    """One image as the API tells it."""
    detail = read_image(context().project, session, number)
    image = detail.image
    return ImageOut(
        id=image.id,
        name=image.name,
        image_url=f"/media/{image.sha256}.jpg",
        width=image.width,
        height=image.height,
        split=image.split,
        group=image.group,
        source=image.source,
        original_path=image.original_path,
        done=image.open_cells == 0,
        blind=detail.blind,
        gold=is_gold(session, number) if is_reviewer(session, labeller_id()) else None,
        cells=[_cell(cell) for cell in detail.cells],
        flags=[flag_out(flag) for flag in detail.flags],
    )


def _cell(cell: CellDetail) -> CellOfImageOut:
    return CellOfImageOut(
        attribute=cell.attribute,
        label=_said(cell.label) if cell.label else None,
        suggestion=_suggested(cell.suggestion, cell.suggested_name) if cell.suggestion else None,
        differing=cell.differing,
        undecided=cell.undecided,
        contradicted=cell.contradicted,
        suspicion=_suspicion(cell.suspicion, cell.suspected_name) if cell.suspicion else None,
        history=[_said(said) for said in cell.history],
    )


def _suggested(suggestion: Suggestion, name: str | None) -> SuggestedOut:
    return SuggestedOut(code=suggestion.code, name=name, probability=suggestion.probability)


def _suspicion(suspicion: LabelIssue, name: str | None) -> SuspicionOut:
    return SuspicionOut(
        label_probability=suspicion.p_code,
        code=suspicion.suggested,
        name=name,
        probability=suspicion.p_suggested,
    )


def _said(said: HistoryEntry) -> SaidOut:
    return SaidOut(
        id=said.id,
        code=said.code,
        name=said.name,
        labeller=said.labeller,
        origin=said.origin,
        created_at=utc_text(said.created_at),
        undone=said.undone,
    )
