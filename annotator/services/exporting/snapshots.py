"""Exporting snapshots of a project, which are read from one consistent state of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.database.statements import use_memory
from annotator.errors import FacelabelError, NotFound
from annotator.files import UNFINISHED, cannot_write, remove_unfinished
from annotator.formats.snapshot.images import BATCH, Codes, ImageBatch, Probabilities, SnapshotImage
from annotator.formats.snapshot.writer import HistoryRow, SnapshotOptions, write_snapshot
from annotator.models import Annotation, AttributeRow, Image, Labeller, Snapshot, Submission, now
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.exporting.face_rows import read_faces
from annotator.services.exporting.filled import FilledColumns, images_with_covered_cells
from annotator.services.exporting.provenance import read_labelling
from annotator.services.exporting.soft_labels import read_soft_labels
from annotator.services.grouping.membership import split_rule
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.predictions.label_columns import LabelColumns, fetch_many
from annotator.services.schema.active import read_schema

_CACHE_KIB = 32_000
"""SQLite's page cache. Images are read by name, so that neighbours are far apart; cached, each page is read once."""


def export_snapshot(
    project: ProjectFolder,
    to: Path | None,
    options: SnapshotOptions,
    *,
    history: bool = False,
    probabilities: bool = False,
    filled: bool = True,
    title: str = "",
    note: str = "",
) -> tuple[Path, dict[str, Any]]:
    """Write a snapshot and return its folder and manifest.

    Args:
        project: the project.
        to: the folder to create; default: a new folder inside the project, which the project then lists.
        options: names or codes, image files or not, a card or not.
        history: also write annotations.csv.
        probabilities: also write probabilities.parquet.
        filled: also write the cells that a model filled; else they are empty.
        title: what the list of snapshots calls it.
        note: what the list says about it.
    """
    remove_leftovers(project.snapshots)
    folder = to or _new_folder(project)
    try:
        # Before groups are rebuilt, so that a wrong folder changes nothing.
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    with project.database.write() as session:
        settle_groups(session)
    with project.database.read() as session:
        schema = read_schema(session, people=True)
        columns = FilledColumns(session) if filled else None
        manifest = write_snapshot(
            folder,
            schema,
            read_batches(session, columns),
            split_rule(session),
            project.stores.images,
            options,
            _history(session) if history else None,
            read_labelling(session) if options.card else None,
            faces=read_faces(session),
            probabilities=read_soft_labels(session, schema) if probabilities else None,
            certificates=columns.certificates if columns else (),
        )
    if folder.resolve().parent == project.snapshots.resolve():
        with project.database.write() as session:
            session.add(_record(folder.name, manifest, title, note))
    return folder, manifest


def _record(name: str, manifest: dict[str, Any], title: str, note: str) -> Snapshot:
    return Snapshot(
        name=name,
        content_hash=manifest["content_hash"],
        images=manifest["counts"]["images"],
        labelled=manifest["counts"]["labelled"],
        title=title.strip(),
        note=note.strip(),
        created_at=now(),
    )


def list_snapshots(session: Session) -> Iterable[Snapshot]:
    """List the snapshots inside the project, newest first."""
    return session.scalars(select(Snapshot).order_by(Snapshot.id.desc()))


def snapshot_folder(project: ProjectFolder, session: Session, name: str) -> Path:
    """Return the folder of a snapshot inside the project.

    Raises:
        NotFound: if the project lists no such snapshot, or its folder is gone.
    """
    listed = session.scalar(select(Snapshot.name).where(Snapshot.name == name))
    if listed is None or not (project.snapshots / listed).is_dir():
        raise NotFound("unknown_snapshot", f"The project has no snapshot {name!r}.", do="Look at the list.")
    return project.snapshots / listed


def _new_folder(project: ProjectFolder) -> Path:
    stem = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    number, folder = 1, project.snapshots / stem
    while folder.exists():
        number += 1
        folder = project.snapshots / f"{stem}-{number}"
    return folder


def remove_leftovers(exports: Path) -> None:
    """Remove what killed exports left behind; a folder that another process is writing stays."""
    for leftover in exports.glob(f".*{UNFINISHED}"):
        with suppress(FacelabelError):
            remove_unfinished(leftover)


def read_images(session: Session, filled: FilledColumns | None) -> Iterator[SnapshotImage]:
    """Yield all images that are not excluded, one by one, as `read_batches` does."""
    return chain.from_iterable(batch.rows() for batch in read_batches(session, filled))


def read_batches(session: Session, filled: FilledColumns | None) -> Iterator[ImageBatch]:
    """Yield all images that are not excluded, with their labels, in the order of their names, with a few rows in memory.

    Args:
        session: a session.
        filled: the cells that a model filled, which count like labels then; None leaves them out.
    """
    labels = LabelColumns(session)
    covered = images_with_covered_cells(session, without_filled=filled is not None)
    use_memory(session, _CACHE_KIB)
    query = select(
        Image.id, Image.name, Image.sha256, Image.extension, Image.width, Image.height, Image.split, Image.group,
        Image.source, Image.original_path, Image.open_cells, Image.crop_box,
    ).where(COUNTED).order_by(Image.name)  # fmt: skip
    for rows in fetch_many(session, query, BATCH):
        ids, names, sha256, extensions, widths, heights, splits, groups, sources, paths, open_cells, boxes = (
            zip(*rows, strict=True)
        )
        done = [cells == 0 and number not in covered for number, cells in zip(ids, open_cells, strict=True)]
        codes: Codes = labels.of(ids)
        probabilities: Probabilities = {}
        if filled is not None:
            codes, probabilities = filled.over(np.asarray(ids, np.int64), codes)
        yield ImageBatch(
            names, sha256, extensions, widths, heights, splits, groups, sources, paths, done,
            [box or "" for box in boxes], codes, probabilities,
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
        .where(COUNTED)
        .order_by(Image.name, Annotation.id)
    )
    for row in session.execute(query, execution_options={"yield_per": BATCH}):
        yield HistoryRow(*row)
