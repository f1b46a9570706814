"""The API of snapshots, and the files of a snapshot that can be downloaded."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, send_file
from flask import Response as FlaskResponse

from annotator.database import Session
from annotator.errors import NotFound
from annotator.formats.snapshot.diff import diff_snapshots, write_changed_cells
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.services.exporting.snapshot_records import delete_snapshot, describe_snapshot
from annotator.services.exporting.snapshots import export_snapshot, list_snapshots, snapshot_folder
from annotator.web.data.contracts import (
    DiffOut,
    DiffQuery,
    SnapshotChangeRequest,
    SnapshotOut,
    SnapshotRequest,
    SnapshotsOut,
    VerifiedOut,
)
from annotator.web.data.downloads import zip_answer
from annotator.web.http.context import context
from annotator.web.http.contracts import Empty, answers, spec
from annotator.web.http.security import REPORT_POLICY

snapshots_api = Blueprint("snapshots_api", __name__, url_prefix="/api/v1/snapshots")
snapshot_files = Blueprint("snapshot_files", __name__)


@snapshots_api.post("")
@spec.validate(resp=answers(HTTP_201=SnapshotOut), tags=["snapshots"])
def create(json: SnapshotRequest) -> tuple[SnapshotOut, int]:
    """Write a snapshot inside the project."""
    project = context().project
    options = SnapshotOptions(names=json.names)
    more = {"probabilities": json.probabilities, "filled": json.filled}
    folder, _ = export_snapshot(project, None, options, title=json.title, note=json.note, **more)
    with project.database.read() as session:
        return next(row for row in _list(session) if row.name == folder.name), 201


@snapshots_api.post("/<name>")
@spec.validate(resp=answers(HTTP_200=SnapshotOut, problems=(404,)), tags=["snapshots"])
def describe(name: str, json: SnapshotChangeRequest) -> SnapshotOut:
    """Change the title or the note of a snapshot; its files stay as they are."""
    with context().project.database.write() as session:
        row = describe_snapshot(session, name, title=json.title, note=json.note)
        return SnapshotOut.model_validate(row)


@snapshots_api.post("/<name>/delete")
@spec.validate(resp=answers(HTTP_204=None, problems=(404, 409)), tags=["snapshots"])
def delete(name: str, json: Empty) -> tuple[str, int]:
    """Delete a snapshot for good, unless predictions in use were trained on it."""
    del json
    delete_snapshot(context().project, name)
    return "", 204


@snapshots_api.get("")
@spec.validate(resp=answers(HTTP_200=SnapshotsOut), tags=["snapshots"])
def index() -> SnapshotsOut:
    """All snapshots inside the project, newest first."""
    with context().project.database.read() as session:
        return SnapshotsOut(snapshots=_list(session))


@snapshots_api.get("/diff")
@spec.validate(resp=answers(HTTP_200=DiffOut, problems=(400, 404)), tags=["snapshots"])
def diff(query: DiffQuery) -> DiffOut:
    """What changed from snapshot `a` to snapshot `b`."""
    return DiffOut(**diff_snapshots(_folder(query.a), _folder(query.b)).as_dict())


@snapshots_api.get("/<name>/verify")
@spec.validate(resp=answers(HTTP_200=VerifiedOut, problems=(400, 404)), tags=["snapshots"])
def verify(name: str) -> VerifiedOut:
    """Check every byte of a snapshot; an error names what is missing or changed."""
    return VerifiedOut(content_hash=verify_snapshot(_folder(name))["content_hash"])


@snapshot_files.get("/snapshots/<name>/card")
def card(name: str) -> FlaskResponse:
    """The dataset card of a snapshot, a page in one file."""
    path = _folder(name) / "card.html"
    if not path.is_file():
        raise NotFound(
            "no_card", f"The snapshot {name!r} was written without a card.", do="Write a new snapshot."
        )
    answer = send_file(path, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


@snapshot_files.get("/snapshots/<name>/zip")
def download(name: str) -> FlaskResponse:
    """The snapshot as a zip file, made while it is sent."""
    return zip_answer(_folder(name), name, name)


@snapshot_files.get("/snapshots/<a>/changes/<b>")
def changed_cells(a: str, b: str) -> FlaskResponse:
    """The cells that changed from `a` to `b` as CSV."""
    older, newer = _folder(a), _folder(b)
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed when it has been sent
    write_changed_cells(older, newer, lambda line: file.write(line.encode()))
    file.seek(0)
    return send_file(file, mimetype="text/csv", as_attachment=True, download_name=f"{a}-{b}.csv")


def _folder(name: str) -> Path:
    project = context().project
    with project.database.read() as session:
        return snapshot_folder(project, session, name)


def _list(session: Session) -> list[SnapshotOut]:
    return [SnapshotOut.model_validate(row) for row in list_snapshots(session)]
