"""The API of erasures: what would go, erase it for good, and what became of it."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool

from annotator.services.erasure.journal import (
    begin_erasure,
    erasure_as_dict,
    get_erasure,
    list_erasures,
    preview_erasure,
)
from annotator.services.erasure.preview_texts import preview_texts
from annotator.services.erasure.scope import Request as ErasureScopeRequest
from annotator.web.http.context import account, context, idempotency_key
from annotator.web.http.contracts import Id, Request, answers, spec

erasures_api = Blueprint("erasures_api", __name__, url_prefix="/api/v1/erasures")


class ErasureRequest(Request):
    """What to erase.

    `what`: `images` – the images of `images`; `person` – all images of the person with the code `person`, and the name;
    `name` – only the name and the descriptors of the faces. `copies`: also the snapshots and exports that hold it.
    """

    what: Literal["images", "person", "name"] = "images"
    images: list[Id] = Field(default_factory=list, max_length=10_000)
    person: Id | None = None
    copies: StrictBool = False

    def wanted(self) -> ErasureScopeRequest:
        """The request as the service takes it."""
        return ErasureScopeRequest(self.what, tuple(self.images), self.person, self.copies)


class CopyOut(BaseModel):
    """A folder or file that holds what is erased, or (unless `certain`) may hold it. `command` deletes it."""

    kind: Literal["snapshot", "export", "upload", "backup"]
    path: str
    command: str
    certain: bool


class ErasurePreview(BaseModel):
    """What would go. `rows`: rows of the database by table. `shared_photos` stay, because other images need them."""

    what: Literal["images", "person", "name"]
    images: int
    first_images: list[str]
    photos: int
    shared_photos: int
    people: int
    faces: int
    rows: dict[str, int]
    rounds_that_start_anew: int
    copies: list[CopyOut]
    texts: list[str]


class ErasureOut(BaseModel):
    """An erasure. It is complete when it is `done`; the receipt then has the same entries as its file in erasures/."""

    id: int
    state: Literal["begun", "cleaning", "done"]
    receipt: dict[str, Any]


class ErasuresOut(BaseModel):
    """The erasures, newest first."""

    erasures: list[ErasureOut]


@erasures_api.get("")
@spec.validate(resp=answers(HTTP_200=ErasuresOut), tags=["erasures"])
def index() -> ErasuresOut:
    """What was erased, newest first. No image or person is named."""
    with context().project.database.read() as session:
        return ErasuresOut(erasures=[ErasureOut(**erasure_as_dict(row)) for row in list_erasures(session)])


@erasures_api.get("/<int:number>")
@spec.validate(resp=answers(HTTP_200=ErasureOut, problems=(404,)), tags=["erasures"])
def show(number: int) -> ErasureOut:
    """One erasure with its receipt."""
    with context().project.database.read() as session:
        return ErasureOut(**erasure_as_dict(get_erasure(session, number)))


@erasures_api.post("/preview")
@spec.validate(resp=answers(HTTP_200=ErasurePreview, problems=(404,)), tags=["erasures"])
def preview(json: ErasureRequest) -> ErasurePreview:
    """What an erasure would remove. Nothing is changed."""
    found = preview_erasure(context().project, json.wanted())
    return ErasurePreview(**found, texts=preview_texts(found, with_copies=json.copies))


@erasures_api.post("")
@spec.validate(resp=answers(HTTP_201=ErasureOut, problems=(404, 409)), tags=["erasures"])
def erase(json: ErasureRequest) -> tuple[ErasureOut, int]:
    """Erase for good. The rows go at once, and the worker removes the files. Repeating a key changes nothing."""
    row = begin_erasure(context().project, account().name, idempotency_key(), json.wanted())
    return ErasureOut(**erasure_as_dict(row)), 201
