"""Snapshots of a project: read from one consistent state of the database, written by formats/snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.formats.snapshot import HistoryRow, SnapshotImage, SnapshotOptions, write_snapshot
from annotator.models import Annotation, AttributeRow, Image, Label, Labeller, Snapshot, Submission, now
from annotator.project import ProjectFolder
from annotator.services.groups import split_rule
from annotator.services.schema_in_force import read_schema


def export_snapshot(
    project: ProjectFolder, to: Path | None, options: SnapshotOptions, *, history: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Write a snapshot and return its folder and manifest.

    Args:
        project: the project.
        to: the folder to make; without it a new one inside the project, which is then listed there.
        options: names or codes, images or not.
        history: also write annotations.csv.
    """
    with project.database.read() as session:
        schema = read_schema(session, people=True)
        rule = split_rule(session)
        images = list(read_images(session))
        rows = list(_history(session)) if history else None
    folder = to or _new_folder(project)
    manifest = write_snapshot(folder, schema, images, rule, project.images, options, rows)
    if folder.resolve().parent == project.snapshots.resolve():
        with project.database.write() as session:
            session.add(
                Snapshot(
                    name=folder.name,
                    content_hash=manifest["content_hash"],
                    images=manifest["counts"]["images"],
                    labelled=manifest["counts"]["labelled"],
                    created_at=now(),
                )
            )
    return folder, manifest


def list_snapshots(session: Session) -> Iterable[Snapshot]:
    """The snapshots inside the project, the newest first."""
    return session.scalars(select(Snapshot).order_by(Snapshot.id.desc()))


def _new_folder(project: ProjectFolder) -> Path:
    stem = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    number, folder = 1, project.snapshots / stem
    while folder.exists():
        number += 1
        folder = project.snapshots / f"{stem}-{number}"
    return folder


def read_images(session: Session) -> Iterator[SnapshotImage]:
    """All images with their labels, by name."""
    names = dict(session.execute(select(AttributeRow.id, AttributeRow.name)).all())
    labels: dict[int, dict[str, int | None]] = {}
    for image_id, attribute_id, code in session.execute(
        select(Label.image_id, Label.attribute_id, Label.code)
    ):
        labels.setdefault(image_id, {})[names[attribute_id]] = code
    for image in session.scalars(select(Image).order_by(Image.name)):
        yield SnapshotImage(
            image.name,
            image.sha256,
            image.extension,
            image.width,
            image.height,
            image.split,
            image.group,
            image.source,
            image.original_path,
            image.open_cells == 0,
            labels.get(image.id, {}),
        )


def _history(session: Session) -> Iterator[HistoryRow]:
    query = (
        select(
            Image.name,
            AttributeRow.name,
            Annotation.code,
            Labeller.name,
            Annotation.origin,
            Submission.milliseconds,
        )
        .join(Image, Image.id == Annotation.image_id)
        .join(AttributeRow, AttributeRow.id == Annotation.attribute_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Labeller, Labeller.id == Submission.labeller_id)
        .order_by(Image.name, Annotation.id)
    )
    for row in session.execute(query):
        yield HistoryRow(*row)
