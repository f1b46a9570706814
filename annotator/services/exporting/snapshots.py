"""Snapshots of a project: read from one consistent state of the database, written by formats/snapshot/writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError, NotFound
from annotator.files import UNFINISHED, cannot_write, remove_unfinished
from annotator.formats.snapshot.images import BATCH, ImageBatch, SnapshotImage
from annotator.formats.snapshot.writer import HistoryRow, SnapshotOptions, write_snapshot
from annotator.models import Annotation, AttributeRow, Image, Labeller, Snapshot, Submission, now
from annotator.project import ProjectFolder
from annotator.services.exporting.provenance import read_labelling
from annotator.services.grouping.membership import split_rule
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.predictions.label_columns import LabelColumns, fetch_many
from annotator.services.schema.active import read_schema

_CACHE_KIB = 32_000
"""Where names come in another order than images were imported, neighbours stand far apart: kept, a page is read once."""


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
    remove_leftovers(project.snapshots)
    folder = to or _new_folder(project)
    try:
        folder.parent.mkdir(
            parents=True, exist_ok=True
        )  # before groups are settled: a wrong place changes nothing
    except OSError as error:
        raise cannot_write(folder, error) from error
    with project.database.write() as session:
        settle_groups(session)
    with project.database.read() as session:
        schema = read_schema(session, people=True)
        manifest = write_snapshot(
            folder,
            schema,
            read_batches(session),
            split_rule(session),
            project.images,
            options,
            _history(session) if history else None,
            read_labelling(session) if options.card else None,
        )
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


def snapshot_folder(project: ProjectFolder, session: Session, name: str) -> Path:
    """The folder of a snapshot inside the project.

    Raises:
        NotFound: if the project lists no such snapshot, or its folder is gone.
    """
    known = session.scalar(select(Snapshot.name).where(Snapshot.name == name))
    if known is None or not (project.snapshots / known).is_dir():
        raise NotFound("unknown_snapshot", f"The project has no snapshot {name!r}.", do="Look at the list.")
    return project.snapshots / known


def _new_folder(project: ProjectFolder) -> Path:
    stem = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    number, folder = 1, project.snapshots / stem
    while folder.exists():
        number += 1
        folder = project.snapshots / f"{stem}-{number}"
    return folder


def remove_leftovers(snapshots: Path) -> None:
    """Remove what an export that was killed left behind; what another one is writing stays."""
    for leftover in snapshots.glob(f".*{UNFINISHED}"):
        with suppress(FacelabelError):
            remove_unfinished(leftover)


def read_images(session: Session) -> Iterator[SnapshotImage]:
    """All images with their labels, by name, one by one."""
    return chain.from_iterable(batch.rows() for batch in read_batches(session))


def read_batches(session: Session) -> Iterator[ImageBatch]:
    """All images with their labels, by name: one pass over the index of the names, a few rows in memory."""
    labels = LabelColumns(session)
    session.connection().exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
    query = select(
        Image.id, Image.name, Image.sha256, Image.extension, Image.width, Image.height, Image.split, Image.group,
        Image.source, Image.original_path, Image.open_cells, Image.crop_box,
    ).order_by(Image.name)  # fmt: skip
    for rows in fetch_many(session, query, BATCH):
        ids, names, sha256, extensions, widths, heights, splits, groups, sources, paths, open_cells, boxes = (
            zip(*rows, strict=True)
        )
        done, known_boxes = [cells == 0 for cells in open_cells], [box or "" for box in boxes]
        yield ImageBatch(
            names, sha256, extensions, widths, heights, splits, groups, sources, paths, done, known_boxes, labels.of(ids)
        )  # fmt: skip


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
    for row in session.execute(query, execution_options={"yield_per": BATCH}):
        yield HistoryRow(*row)
