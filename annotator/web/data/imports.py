"""The API of imports: a file comes in pieces, is tried, confirmed, and taken in by the worker."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint, request
from pydantic import BaseModel, Field, StrictBool, StrictStr
from spectree import Response

from annotator.domain.timestamps import utc_text
from annotator.formats.import_formats import FORMATS
from annotator.models import Import
from annotator.services.importing.jobs import (
    ImportRequest,
    begin_import,
    discard_import,
    get_import,
    list_imports,
    start_import,
)
from annotator.services.importing.uploads import check_room, check_upload, receive_piece, remove_upload
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, ProblemAnswer, Request, spec

imports_api = Blueprint("imports_api", __name__, url_prefix="/api/v1/imports")


class UploadQuery(Request):
    """A file and its first piece. `bytes`: of the whole file, if the body is not all of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    bytes: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    dry_run: bool = Field(False, description="Say what would happen, and wait to be started.")


class PieceQuery(Request):
    """Where in the file a piece begins."""

    offset: Annotated[int, Field(ge=0, le=MAX_ID)]


class StartRequest(Request):
    """How the file is tried or imported."""

    dry_run: StrictBool = False
    format: Literal[("auto", *FORMATS)] = "auto"  # type: ignore[valid-type]
    mapping: Annotated[StrictStr, Field(max_length=500_000)] = Field(
        "", description="The text of a mapping file, see docs/import.md."
    )
    labels: Literal["truth", "opinions"] = "truth"
    faces: StrictBool = Field(False, description="Cut photos into one image per head.")


class ImportSummary(BaseModel):
    """An uploaded file; `received`: bytes that have come, `done` and `total`: files of the run at work."""

    id: int
    name: str
    bytes: int
    received: int
    state: Literal["receiving", "queued", "running", "done", "failed", "discarded"]
    dry_run: bool
    done: int
    total: int
    error: str | None
    created_at: str
    finished_at: str | None


class ImportOut(ImportSummary):
    """With how it was asked for, what happened or would happen, and a mapping for what has no counterpart here."""

    format: str
    mapping: str
    labels: Literal["truth", "opinions"]
    faces: bool
    report: dict[str, Any] | None
    proposed: str | None


class ImportsOut(BaseModel):
    """The newest imports first."""

    imports: list[ImportSummary]


@imports_api.post("")
@spec.validate(
    resp=Response(HTTP_201=ImportOut, HTTP_400=ProblemAnswer, HTTP_409=ProblemAnswer), tags=["imports"]
)
def upload(query: UploadQuery) -> tuple[ImportOut, int]:
    """Begin to send a file; the body is its first piece of at most 8 MiB, or all of it."""
    key, piece, here = idempotency_key(), request.get_data(), context()
    size = query.bytes or len(piece)
    check_upload(query.name, size, len(piece), here.settings.max_upload_bytes)
    with here.project.database.write() as session:
        row = begin_import(session, key, labeller_id(), query.name, size, dry_run=query.dry_run)
        check_room(here.project, row)
    return _out(receive_piece(here.project, row.id, 0, piece)), 201


@imports_api.post("/<int:number>/content")
@spec.validate(
    resp=Response(HTTP_200=ImportOut, HTTP_400=ProblemAnswer, HTTP_404=ProblemAnswer, HTTP_409=ProblemAnswer),
    tags=["imports"],
)
def receive(number: int, query: PieceQuery) -> ImportOut:
    """The next piece of a file; a piece that has come already changes nothing. With the last one the import is queued."""
    return _out(receive_piece(context().project, number, query.offset, request.get_data()))


@imports_api.get("")
@spec.validate(resp=Response(HTTP_200=ImportsOut), tags=["imports"])
def index() -> ImportsOut:
    """The newest imports first, without their reports."""
    with context().project.database.read() as session:
        return ImportsOut(imports=[ImportSummary(**_summary(row)) for row in list_imports(session)])


@imports_api.get("/<int:number>")
@spec.validate(resp=Response(HTTP_200=ImportOut, HTTP_404=ProblemAnswer), tags=["imports"])
def show(number: int) -> ImportOut:
    """One import: its state, how far it is, what came of it."""
    with context().project.database.read() as session:
        return _out(get_import(session, number))


@imports_api.post("/<int:number>/start")
@spec.validate(
    resp=Response(HTTP_202=ImportOut, HTTP_400=ProblemAnswer, HTTP_404=ProblemAnswer, HTTP_409=ProblemAnswer),
    tags=["imports"],
)
def start(number: int, json: StartRequest) -> tuple[ImportOut, int]:
    """Import a file that was tried, or try it again in another way."""
    wish = ImportRequest(json.format, json.mapping, json.labels == "opinions", json.faces)
    with context().project.database.write() as session:
        return _out(start_import(session, number, wish, dry_run=json.dry_run)), 202


@imports_api.post("/<int:number>/discard")
@spec.validate(
    resp=Response(HTTP_200=ImportOut, HTTP_404=ProblemAnswer, HTTP_409=ProblemAnswer), tags=["imports"]
)
def discard(number: int, json: Request) -> ImportOut:
    """Give an import up and remove its file; what was imported before stays."""
    del json
    project = context().project
    with project.database.write() as session:
        row = discard_import(session, number)
    if not row.has_file:
        remove_upload(project, number)
    return _out(row)


def _summary(row: Import) -> dict[str, Any]:
    times = {"created_at": row.created_at, "finished_at": row.finished_at}
    plain = ("id", "name", "bytes", "received", "state", "dry_run", "done", "total", "error")
    return {name: getattr(row, name) for name in plain} | {
        name: utc_text(time) if time else None for name, time in times.items()
    }


def _out(row: Import) -> ImportOut:
    wish = ImportRequest(**row.options)
    return ImportOut(
        **_summary(row),
        format=wish.format,
        mapping=wish.mapping,
        labels="opinions" if wish.opinions else "truth",
        faces=wish.faces,
        report=row.report,
        proposed=row.proposed,
    )
