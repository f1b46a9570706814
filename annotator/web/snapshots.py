"""The API of snapshots."""

from __future__ import annotations

from flask import Blueprint
from spectree import Response

from annotator.formats.snapshot import SnapshotOptions
from annotator.models import Snapshot
from annotator.services.snapshots import export_snapshot, list_snapshots
from annotator.web.context import context
from annotator.web.contracts import ProblemAnswer, SnapshotOut, SnapshotRequest, SnapshotsOut, spec

snapshots_api = Blueprint("snapshots_api", __name__, url_prefix="/api/v1/snapshots")


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


def _out(row: Snapshot) -> SnapshotOut:
    return SnapshotOut(
        name=row.name,
        content_hash=row.content_hash,
        created_at=row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        images=row.images,
        labelled=row.labelled,
        path=f"snapshots/{row.name}",
    )
