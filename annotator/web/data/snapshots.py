"""The API of snapshots, and what is downloaded of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, send_file
from flask import Response as Answer
from spectree import Response

from annotator.domain.timestamps import utc_text
from annotator.errors import NotFound
from annotator.formats.snapshot.diff import diff_snapshots, write_changed_cells
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.formats.snapshot.zip import zip_chunks
from annotator.models import Snapshot
from annotator.services.exporting.snapshots import export_snapshot, list_snapshots, snapshot_folder
from annotator.web.http.context import context
from annotator.web.http.contracts import (
    DiffOut,
    DiffQuery,
    ProblemAnswer,
    SnapshotOut,
    SnapshotRequest,
    SnapshotsOut,
    VerifiedOut,
    spec,
)
from annotator.web.http.security import REPORT_POLICY

snapshots_api = Blueprint("snapshots_api", __name__, url_prefix="/api/v1/snapshots")
snapshot_files = Blueprint("snapshot_files", __name__)


@snapshots_api.post("")
@spec.validate(
    resp=Response(HTTP_201=SnapshotOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["snapshots"]
)
def create(json: SnapshotRequest) -> tuple[SnapshotOut, int]:
    """Write a snapshot inside the project."""
    project = context().project
    folder, _ = export_snapshot(project, None, SnapshotOptions(names=json.names))
    with project.database.read() as session:
        row = next(row for row in list_snapshots(session) if row.name == folder.name)
        return _out(row), 201


@snapshots_api.get("")
@spec.validate(resp=Response(HTTP_200=SnapshotsOut), tags=["snapshots"])
def index() -> SnapshotsOut:
    """All snapshots inside the project, the newest first."""
    with context().project.database.read() as session:
        return SnapshotsOut(snapshots=[_out(row) for row in list_snapshots(session)])


@snapshots_api.get("/diff")
@spec.validate(
    resp=Response(HTTP_200=DiffOut, HTTP_400=ProblemAnswer, HTTP_404=ProblemAnswer), tags=["snapshots"]
)
def diff(query: DiffQuery) -> DiffOut:
    """What changed from snapshot `a` to snapshot `b`."""
    return DiffOut(**diff_snapshots(_folder(query.a), _folder(query.b)).as_dict())


@snapshots_api.get("/<name>/verify")
@spec.validate(
    resp=Response(HTTP_200=VerifiedOut, HTTP_400=ProblemAnswer, HTTP_404=ProblemAnswer), tags=["snapshots"]
)
def verify(name: str) -> VerifiedOut:
    """Check every byte of a snapshot; an error names what is missing or changed."""
    return VerifiedOut(content_hash=verify_snapshot(_folder(name))["content_hash"])


@snapshot_files.get("/snapshots/<name>/card")
def card(name: str) -> Answer:
    """The dataset card of a snapshot, a page of its own."""
    path = _folder(name) / "card.html"
    if not path.is_file():
        raise NotFound("no_card", f"The snapshot {name!r} was written without a card.", do="Take a new one.")
    answer = send_file(path, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


@snapshot_files.get("/snapshots/<name>/zip")
def download(name: str) -> Answer:
    """The whole snapshot as a zip file, sent while it is made."""
    answer = Answer(zip_chunks(_folder(name), name), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer


@snapshot_files.get("/snapshots/<a>/changes/<b>")
def changed_cells(a: str, b: str) -> Answer:
    """A CSV of the cells that changed from `a` to `b`."""
    older, newer = _folder(a), _folder(b)
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - it is closed when it has been sent
    write_changed_cells(older, newer, lambda line: file.write(line.encode()))
    file.seek(0)
    return send_file(file, mimetype="text/csv", as_attachment=True, download_name=f"{a}-{b}.csv")


def _folder(name: str) -> Path:
    project = context().project
    with project.database.read() as session:
        return snapshot_folder(project, session, name)


def _out(row: Snapshot) -> SnapshotOut:
    return SnapshotOut(
        name=row.name,
        content_hash=row.content_hash,
        created_at=utc_text(row.created_at),
        images=row.images,
        labelled=row.labelled,
        path=f"snapshots/{row.name}",
    )
