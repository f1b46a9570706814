"""The API of imports: a file arrives in pieces, is tried out, confirmed, and imported by the worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from flask import Blueprint, request
from pydantic import BaseModel, Field, StrictBool, StrictStr

from annotator.files import free_bytes
from annotator.formats.import_formats import FORMATS
from annotator.formats.importers.archives.names import NAME_ENCODINGS
from annotator.formats.importers.mapping import Mapping
from annotator.services.importing.bucket.addresses import list_watched
from annotator.services.importing.jobs import (
    ImportRequest,
    begin_import,
    discard_import,
    get_import,
    import_details,
    import_summary,
    list_imports,
    start_import,
)
from annotator.services.importing.uploads import (
    announced_bytes,
    check_room,
    check_upload,
    expire_uploads,
    receive_piece,
    remove_upload,
)
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, Request, UtcTime, answers, spec

imports_api = Blueprint("imports_api", __name__, url_prefix="/api/v1/imports")


class UploadQuery(Request):
    """A file and its first piece. `bytes`: the size of the whole file, if the body is only a piece of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    bytes: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None
    dry_run: bool = Field(False, description="Report what would happen, and wait to be started.")


class PieceQuery(Request):
    """Where in the file a piece begins."""

    offset: Annotated[int, Field(ge=0, le=MAX_ID)]


class StartRequest(Request):
    """How the file is tried out or imported."""

    dry_run: StrictBool = False
    format: Literal[("auto", *FORMATS)] = "auto"  # type: ignore[valid-type]
    mapping: Annotated[StrictStr, Field(max_length=500_000)] = Field(
        "", description="The text of a mapping file, see docs/import.md."
    )
    labels: Literal["truth", "opinions"] = "truth"
    faces: StrictBool = Field(False, description="Cut photos into one image per head.")
    names_encoding: Literal[NAME_ENCODINGS] = Field(  # type: ignore[valid-type]
        "auto", description="The encoding of file names in an archive that does not say it."
    )
    fps: Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)] = Field(
        1.0, description="Frames to take per second of a video."
    )
    restore_erased: StrictBool = Field(False, description="Also import images that were erased for good.")


class ImportSummary(BaseModel):
    """An uploaded file. `received`: bytes so far; `done` and `total`: files of the current run.

    `needs_mapping`: the trial failed because a person must say what its columns or values mean.
    """

    id: int
    name: str
    bytes: int
    received: int
    state: Literal["receiving", "queued", "running", "done", "failed", "discarded"]
    dry_run: bool
    done: int
    total: int
    error: str | None
    needs_mapping: bool
    created_at: UtcTime
    finished_at: UtcTime | None


class ImportOut(ImportSummary):
    """An uploaded file with its options, the report of what happened or would happen, and a proposed mapping.

    `proposed`: a mapping for the names in the file that have no counterpart in the schema.
    """

    format: str
    mapping: str
    labels: Literal["truth", "opinions"]
    faces: bool
    names_encoding: str
    fps: float
    restore_erased: bool
    report: dict[str, Any] | None
    proposed: str | None


class WatchedOut(BaseModel):
    """An address of object storage that the worker lists every so often, to import what is new there.

    `last_at`: when it was listed last; `problem`: what is wrong, "" if nothing; `text`: the rest in words.
    """

    url: str
    every_seconds: int
    last_at: UtcTime | None
    problem: str
    text: str


class ImportsOut(BaseModel):
    """The imports, newest first: all whose file has not arrived, and the last 50 others.

    `announced`: the bytes that are still to arrive; `room`: the bytes that the disk has for imports, beyond its reserve.
    `watched`: the addresses that are listed on a schedule; a command names them.
    """

    imports: list[ImportSummary]
    watched: list[WatchedOut]
    announced: int
    room: int


@imports_api.post("")
@spec.validate(resp=answers(HTTP_201=ImportOut, problems=(409,)), tags=["imports"])
def upload(query: UploadQuery) -> tuple[ImportOut, int]:
    """Start to send a file. The body is its first piece of at most 8 MiB, or all of it."""
    key, piece, served = idempotency_key(), request.get_data(), context()
    size = query.bytes or len(piece)
    check_upload(query.name, size, len(piece), served.settings.max_upload_bytes)
    reserve = served.settings.reserve_bytes
    expire_uploads(served.project)
    with served.project.database.write() as session:
        row = begin_import(session, key, labeller_id(), query.name, size, dry_run=query.dry_run)
        check_room(served.project, session, row, reserve)
    return ImportOut(**import_details(receive_piece(served.project, row.id, 0, piece, reserve))), 201


@imports_api.post("/<int:number>/content")
@spec.validate(resp=answers(HTTP_200=ImportOut, problems=(404, 409)), tags=["imports"])
def receive(number: int, query: PieceQuery) -> ImportOut:
    """Send the next piece of a file. Repeating a piece changes nothing; the last piece queues the import."""
    served = context()
    reserve = served.settings.reserve_bytes
    row = receive_piece(served.project, number, query.offset, request.get_data(), reserve)
    return ImportOut(**import_details(row))


@imports_api.get("")
@spec.validate(resp=answers(HTTP_200=ImportsOut), tags=["imports"])
def index() -> ImportsOut:
    """The imports, newest first, without their reports."""
    served = context()
    with served.project.database.read() as session:
        return ImportsOut(
            imports=[ImportSummary(**import_summary(row)) for row in list_imports(session)],
            watched=[WatchedOut(**asdict(address)) for address in list_watched(session)],
            announced=announced_bytes(session),
            room=free_bytes(served.project.path, served.settings.reserve_bytes),
        )


@imports_api.get("/<int:number>")
@spec.validate(resp=answers(HTTP_200=ImportOut, problems=(404,)), tags=["imports"])
def show(number: int) -> ImportOut:
    """One import: its state, its progress, its report."""
    with context().project.database.read() as session:
        return ImportOut(**import_details(get_import(session, number)))


@imports_api.post("/<int:number>/start")
@spec.validate(resp=answers(HTTP_202=ImportOut, problems=(404, 409)), tags=["imports"])
def start(number: int, json: StartRequest) -> tuple[ImportOut, int]:
    """Import a file that was tried out, or try it out again with other options."""
    wanted = ImportRequest(
        json.format,
        json.mapping,
        json.labels == "opinions",
        json.faces,
        json.names_encoding,
        json.fps,
        json.restore_erased,
    )
    Mapping.parse(json.mapping, "of this import")  # before the write lock
    with context().project.database.write() as session:
        return ImportOut(**import_details(start_import(session, number, wanted, dry_run=json.dry_run))), 202


@imports_api.post("/<int:number>/discard")
@spec.validate(resp=answers(HTTP_200=ImportOut, problems=(404, 409)), tags=["imports"])
def discard(number: int, json: Request) -> ImportOut:
    """Discard an import and remove its file; what was already imported stays."""
    del json
    project = context().project
    with project.database.write() as session:
        row = discard_import(session, number)
    if not row.has_file:
        remove_upload(project, number)
    return ImportOut(**import_details(row))
