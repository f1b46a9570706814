"""The browse page and its API: the images of a view, one image with its history, corrections."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictStr

from annotator.database import Session
from annotator.formats.snapshot.predictions import Suggestion
from annotator.services.annotation.exclude import ExclusionDetail, exclusions_of
from annotator.services.common.filled import FilledCell
from annotator.services.people.directory import face_cards
from annotator.services.review.corrections import Correction, correct, undo_correction
from annotator.services.review.counting import count_images, select_all
from annotator.services.review.details import CellDetail, get_image, read_image
from annotator.services.review.label_issues import LabelIssue
from annotator.services.review.listing import Page, card_labels, find_images, prepare_search, ranked_page
from annotator.services.review.queue import own_view
from annotator.services.schema.open_values import person_names
from annotator.services.selection.changes import MAX_IMAGES
from annotator.services.team.gold import is_gold, make_gold, remove_gold
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Answer, ExclusionOut, Id, Key, Request, UtcTime, answers, spec
from annotator.web.http.media import media_url, thumbnail_url, tile_url
from annotator.web.http.pages import render_page
from annotator.web.images.flags import FlagOut
from annotator.web.images.views import CountsOut, CountsQuery, IdsOut, ImagesQuery, ViewQuery, ranked_of

browse = Blueprint("browse", __name__)


class CardOut(BaseModel):
    """One image of a grid, for a labeller with their own answers only; `names`: the people among its labels, by attribute.

    `thumbnail_url`: the head; null if `image_url` shows it well enough.
    """

    id: int
    name: str
    image_url: str
    thumbnail_url: str | None
    split: str | None = Field(
        description="Null for a labeller, who may not know which images are asked blind."
    )
    done: bool = Field(description="Needs no further answer; for a labeller: they answered it.")
    labels: dict[str, int | None]
    filled: dict[str, int] = Field(
        description="Values that the model fills under a certificate, by attribute."
    )
    names: dict[str, str]
    adjudicated: list[str]
    open_flags: int
    excluded: ExclusionOut | None


class ImagesOut(BaseModel):
    """Images in the order of the view. `next` is null on the last page; a short page that has a `next` is not the last one."""

    images: list[CardOut]
    next: str | None


class SaidOut(Answer):
    """One annotation: an answer, or the undoing of one (`origin` undo). `code` null means "can't tell"."""

    id: int
    code: int | None
    name: str | None
    labeller: str
    origin: str
    created_at: UtcTime
    undone: bool


class SuggestedOut(BaseModel):
    """The model's answer."""

    code: int
    name: str | None
    probability: float


class FilledOut(BaseModel):
    """The model's value that fills a cell; `certificate`: the number of the certificate that allows it."""

    origin: Literal["model"]
    code: int
    name: str | None
    probability: float
    certificate: int


class SuspicionOut(BaseModel):
    """Why a label is probably wrong: its probability, and that of another value, from a model not trained on the image."""

    label_probability: float
    code: int
    name: str | None
    probability: float


class CellOfImageOut(BaseModel):
    """One cell: its label, the suggestion, which other answers differ, and its history, oldest first."""

    attribute: str
    label: SaidOut | None
    suggestion: SuggestedOut | None
    filled: FilledOut | None = Field(description="Null unless the cell is filled; it then has no label.")
    differing: bool
    undecided: bool
    contradicted: bool
    suspicion: SuspicionOut | None
    history: list[SaidOut]


class ImageOut(BaseModel):
    """An image with its labels, flags and history; a labeller sees their own answers and flags only. `head_url`: its head at full detail; null if `image_url` shows it well enough.

    `blind`: suggestions are hidden, from a labeller always, from a reviewer until the image is done and needs no further opinion.
    `gold`: whether it is a gold image. It, `split` and `group` are null unless the caller is a reviewer.
    """

    id: int
    name: str
    image_url: str
    head_url: str | None
    width: int
    height: int
    split: str | None
    group: str | None
    source: str
    original_path: str
    done: bool
    blind: bool
    gold: bool | None
    cells: list[CellOfImageOut]
    flags: list[FlagOut]
    excluded: ExclusionOut | None = Field(description="Why the image does not count; null if it does.")


class CorrectionRequest(Request):
    """New answers to cells of an image. `adjudicate`: a reviewer's decision, which overrides all other answers."""

    values: dict[str, Id | StrictStr | None] = Field(min_length=1)
    adjudicate: StrictBool = False


class CorrectionAnswer(BaseModel):
    """What was stored, and the image after the change."""

    submission: str
    image: ImageOut


class CorrectionUndoRequest(Request):
    """Undo a correction."""

    submission: Key


class GoldRequest(Request):
    """Make an image gold, or remove it from gold; repeating the request changes nothing."""

    gold: StrictBool


@browse.get("/browse")
def browse_page() -> str:
    """The browse page: a grid of images."""
    return render_page("browse")


@browse.get("/browse/<int:number>")
def image_page(number: int) -> str:
    """The page of one image."""
    return render_page("image", number=number)


@browse.get("/api/v1/images")
@spec.validate(resp=answers(HTTP_200=ImagesOut, problems=(400, 404)), tags=["browse"])
def list_images(query: ImagesQuery) -> ImagesOut:
    """The images of a view, a page at a time, by name or in another order."""
    project = context().project
    with project.database.read() as session:
        own_of = own_view(session, labeller_id())
        filters, ranked = query.filters(own_of), ranked_of(project, session, query, own_of)
        if ranked is None:
            page = find_images(
                project, session, filters, after=query.after, before=query.before, limit=query.limit
            )
        else:
            search = prepare_search(project, session, filters)
            page = ranked_page(search, ranked, start=query.place(), limit=query.limit)
        return images_out(session, page, own_of)


@browse.get("/api/v1/images/ids")
@spec.validate(resp=answers(HTTP_200=IdsOut, problems=(400, 404)), tags=["browse"])
def list_ids(query: ViewQuery) -> IdsOut:
    """All images of a view, by id, in its order; at most as many as one change of a selection takes."""
    project = context().project
    with project.database.read() as session:
        own_of = own_view(session, labeller_id())
        ranked = ranked_of(project, session, query, own_of)
        images, complete = select_all(project, session, query.filters(own_of), ranked, MAX_IMAGES)
    return IdsOut(images=images, complete=complete)


@browse.get("/api/v1/images/counts")
@spec.validate(resp=answers(HTTP_200=CountsOut, problems=(400, 404)), tags=["browse"])
def count_view(query: CountsQuery) -> CountsOut:
    """How many images a view has, and how many it would have with each value of an attribute."""
    project = context().project
    with project.database.read() as session:
        filters = query.filters(own_view(session, labeller_id()))
        counts = count_images(project, session, filters, query.by)
    return CountsOut(images=counts.images, values=dict(counts.values), complete=counts.complete)


@browse.get("/api/v1/images/<int:number>")
@spec.validate(resp=answers(HTTP_200=ImageOut, problems=(404,)), tags=["browse"])
def show_image(number: int) -> ImageOut:
    """One image: labels, suggestions, flags, history."""
    with context().project.database.read() as session:
        return image_out(session, number)


@browse.post("/api/v1/images/<int:number>/corrections")
@spec.validate(resp=answers(HTTP_200=CorrectionAnswer, problems=(404, 409)), tags=["browse"])
def correct_image(number: int, json: CorrectionRequest) -> CorrectionAnswer:
    """Answer cells of an image again, without a lease. Repeating a key changes nothing."""
    correction = Correction(idempotency_key(), number, json.values, json.adjudicate)
    with context().project.database.write() as session:
        correct(session, labeller_id(), correction)
        return CorrectionAnswer(submission=correction.key, image=image_out(session, number))


@browse.post("/api/v1/images/<int:number>/corrections/undo")
@spec.validate(resp=answers(HTTP_200=CorrectionAnswer, problems=(404, 409)), tags=["browse"])
def undo_image_correction(number: int, json: CorrectionUndoRequest) -> CorrectionAnswer:
    """Undo a correction: the previous labels count again."""
    with context().project.database.write() as session:
        undo_correction(session, labeller_id(), idempotency_key(), number, json.submission)
        return CorrectionAnswer(submission=json.submission, image=image_out(session, number))


@browse.post("/api/v1/images/<int:number>/gold")
@spec.validate(resp=answers(HTTP_200=ImageOut, problems=(404,)), tags=["browse"])
def set_gold(number: int, json: GoldRequest) -> ImageOut:
    """Make an image gold, with the reviewers' decisions as its correct answers, or remove it from gold."""
    with context().project.database.write() as session:
        if json.gold:
            make_gold(session, labeller_id(), number)
        else:
            remove_gold(session, get_image(session, number).id)
        session.flush()
        return image_out(session, number)


def images_out(session: Session, page: Page, own_of: int | None = None) -> ImagesOut:
    """Convert a page of images. `own_of`: the labeller who sees only their own answers; None: a reviewer."""
    labels = card_labels(session, page.images, own_of)
    names = person_names(session, [labels[image.id].codes for image in page.images])
    ids = [image.id for image in page.images]
    faces, excluded = face_cards(session, ids), exclusions_of(session, ids)
    cards = [
        CardOut(
            id=image.id,
            name=image.name,
            image_url=media_url(image.sha256),
            thumbnail_url=thumbnail_url(image.sha256, faces[image.id].thumbnail),
            split=image.split if own_of is None else None,
            done=labels[image.id].done,
            labels=labels[image.id].codes,
            filled=labels[image.id].filled,
            names=names[place],
            adjudicated=labels[image.id].adjudicated,
            open_flags=labels[image.id].open_flags,
            excluded=_excluded(excluded.get(image.id)),
        )
        for place, image in enumerate(page.images)
    ]
    return ImagesOut(images=cards, next=page.next)


def image_out(session: Session, number: int) -> ImageOut:
    """Read and convert one image."""
    me = labeller_id()
    own_of = own_view(session, me)
    detail = read_image(context().project, session, number, own_of, viewer_id=me)
    image = detail.image
    return ImageOut(
        id=image.id,
        name=image.name,
        image_url=media_url(image.sha256),
        head_url=tile_url(image.sha256, face_cards(session, [number])[number].head),
        width=image.width,
        height=image.height,
        split=image.split if own_of is None else None,
        group=image.group if own_of is None else None,
        source=image.source,
        original_path=image.original_path,
        done=detail.done,
        blind=detail.blind,
        gold=is_gold(session, number) if own_of is None else None,
        cells=[_cell(cell) for cell in detail.cells],
        flags=[FlagOut.model_validate(flag) for flag in detail.flags],
        excluded=_excluded(detail.excluded),
    )


def _excluded(detail: ExclusionDetail | None) -> ExclusionOut | None:
    return ExclusionOut.model_validate(detail) if detail else None


def _cell(cell: CellDetail) -> CellOfImageOut:
    return CellOfImageOut(
        attribute=cell.attribute,
        label=SaidOut.model_validate(cell.label) if cell.label else None,
        suggestion=_suggested(cell.suggestion, cell.suggested_name) if cell.suggestion else None,
        filled=_filled(cell.filled, cell.filled_name) if cell.filled else None,
        differing=cell.differing,
        undecided=cell.undecided,
        contradicted=cell.contradicted,
        suspicion=_suspicion(cell.suspicion, cell.suspected_name) if cell.suspicion else None,
        history=[SaidOut.model_validate(annotation) for annotation in cell.history],
    )


def _suggested(suggestion: Suggestion, name: str | None) -> SuggestedOut:
    return SuggestedOut(code=suggestion.code, name=name, probability=suggestion.probability)


def _filled(cell: FilledCell, name: str | None) -> FilledOut:
    return FilledOut(
        origin="model",
        code=cell.code,
        name=name,
        probability=round(cell.probability, 4),
        certificate=cell.certificate,
    )


def _suspicion(suspicion: LabelIssue, name: str | None) -> SuspicionOut:
    return SuspicionOut(
        label_probability=suspicion.p_code,
        code=suspicion.suggested,
        name=name,
        probability=suspicion.p_suggested,
    )
