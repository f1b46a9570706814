"""Imports of uploaded files in the database. Their table is the worker's queue and the record of what happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState
from annotator.errors import Conflict, NotFound
from annotator.models import Import, now
from annotator.services.common.job_queue import claim, give_back

_LISTED = 50


@dataclass(frozen=True)
class ImportRequest:
    """How an uploaded file is to be imported. Its fields are the JSON of the column `imports.options`.

    Args:
        format: a name of `import_formats.FORMATS`, or auto.
        mapping: the text of a mapping file, or "".
        opinions: labels are kept as opinions, not as the truth.
        faces: cut photos into one image per head.
        names_encoding: the encoding of names in an archive that does not say it, of `archives.names.NAME_ENCODINGS`.
        fps: frames to take per second of a video.
        restore_erased: also import images that were erased for good.
    """

    format: str = "auto"
    mapping: str = ""
    opinions: bool = False
    faces: bool = False
    names_encoding: str = "auto"
    fps: float = 1.0
    restore_erased: bool = False


def begin_import(
    session: Session, key: str, labeller_id: int, name: str, size: int, *, dry_run: bool
) -> Import:
    """Create the row of a file that is about to be uploaded; the same key gives the same row.

    Raises:
        Conflict: if the key was used for another file.
    """
    row = session.scalar(select(Import).where(Import.key == key))
    if row is not None:
        if (row.labeller_id, row.name, row.bytes) != (labeller_id, name, size):
            raise Conflict(
                "key_reused", "This Idempotency-Key belongs to another upload.", do="Use a new key."
            )
        return row
    row = Import(
        key=key, labeller_id=labeller_id, name=name, bytes=size, received=0, state=JobState.RECEIVING, dry_run=dry_run,
        options=asdict(ImportRequest()), done=0, total=0, attempts=0, created_at=now(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def start_import(session: Session, number: int, request: ImportRequest, *, dry_run: bool) -> Import:
    """Queue an uploaded file for a dry run or for the import. The same request again changes nothing.

    The caller has parsed the mapping before the session began to write: a hostile one must not keep others from writing.

    Raises:
        NotFound: if there is no such import.
        Conflict: if the file is not complete yet, was removed, or is being imported with another request.
    """
    row = get_import(session, number)
    is_same = row.dry_run == dry_run and row.options == asdict(request)
    is_imported = row.state == JobState.DONE and not row.dry_run
    if is_same and (row.state in UNFINISHED or is_imported):
        return row
    if row.state not in {JobState.DONE, JobState.FAILED} or is_imported:
        raise Conflict(
            "not_now", f"The import is {row.state}.", do="Wait until it has ended, or send the file again."
        )
    row.state, row.dry_run, row.options = JobState.QUEUED, dry_run, asdict(request)
    row.done = row.total = row.attempts = 0
    if dry_run:
        row.proposed = None
    row.error = row.report = row.started_at = row.finished_at = None
    return row


def discard_import(session: Session, number: int) -> Import:
    """Give up an import that is neither running nor done, so that its file can be removed.

    Raises:
        Conflict: if the import is running.
    """
    row = get_import(session, number)
    if row.state == JobState.RUNNING:
        raise Conflict("not_now", "The import is running.", do="Wait until it has ended.")
    if row.has_file:
        row.state, row.finished_at = JobState.DISCARDED, now()
    return row


def list_imports(session: Session) -> list[Import]:
    """List imports, newest first: all whose file has not arrived, because they keep room, and the last others."""
    last = select(Import.id).order_by(Import.id.desc()).limit(_LISTED)
    listed = or_(Import.id.in_(last), Import.state == JobState.RECEIVING)
    return list(session.scalars(select(Import).where(listed).order_by(Import.id.desc())))


def get_import(session: Session, number: int) -> Import:
    """Return an import.

    Raises:
        NotFound: if no import has this number.
    """
    row = session.get(Import, number)
    if row is None:
        raise NotFound(
            "unknown_import", f"There is no import {number}.", do="GET /api/v1/imports lists them."
        )
    return row


def import_summary(row: Import) -> dict[str, Any]:
    """An import in plain values, as the API tells it, without its report and mapping."""
    fields = (
        "id",
        "name",
        "bytes",
        "received",
        "state",
        "dry_run",
        "done",
        "total",
        "error",
        "created_at",
        "finished_at",
    )
    needs_mapping = row.state == JobState.FAILED and row.dry_run and row.proposed is not None
    return {name: getattr(row, name) for name in fields} | {"needs_mapping": needs_mapping}


def import_details(row: Import) -> dict[str, Any]:
    """The same with the options it was asked for, its report, and the mapping that was proposed."""
    options = ImportRequest(**row.options)
    return import_summary(row) | {
        "format": options.format,
        "mapping": options.mapping,
        "labels": "opinions" if options.opinions else "truth",
        "faces": options.faces,
        "names_encoding": options.names_encoding,
        "fps": options.fps,
        "restore_erased": options.restore_erased,
        "report": row.report,
        "proposed": row.proposed,
    }


def claim_import(session: Session, max_attempts: int) -> Import | None:
    """Claim the oldest unfinished import and mark it as running. An interrupted one is run again and skips what it has imported."""
    return claim(
        session,
        Import,
        max_attempts,
        lambda row: end_import(
            session,
            row.id,
            error=f"The worker was killed {row.attempts} times during this import, perhaps for lack of memory. What was "
            "imported before is kept. Give the worker more memory, or import the file by command.",
        ),
    )


def report_import(session: Session, number: int, done: int, total: int) -> None:
    """Record the progress of an import in files."""
    session.execute(update(Import).where(Import.id == number).values(done=done, total=total))


def release_import(session: Session, number: int) -> None:
    """Give an import back to the queue because the worker was stopped; the attempt does not count."""
    give_back(session, Import, number)


def end_import(
    session: Session,
    number: int,
    *,
    error: str | None = None,
    report: dict[str, Any] | None = None,
    proposed: str | None = None,
) -> None:
    """End an import as done, or with an error as failed.

    Args:
        session: a session that writes.
        number: the import.
        error: why it failed.
        report: what the page shows of its report.
        proposed: the text of a mapping for the names that have no counterpart.
    """
    values = {
        "state": JobState.FAILED if error else JobState.DONE,
        "error": error,
        "report": report,
        "finished_at": now(),
    }
    if proposed is not None:
        values["proposed"] = proposed
    session.execute(update(Import).where(Import.id == number).values(values))
