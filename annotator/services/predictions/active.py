"""Predictions in the project: loaded with one row, asked for an image or the order of work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError
from annotator.files import staged_folder, write_atomically
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Predictions, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.schema.active import active_schema

_FILES = CacheKind[Path, PredictionsFile](size=4)
"""The open predictions by folder."""


@dataclass(frozen=True)
class LoadReport:
    """What loading found: images in the file, and how many of them the project does not know."""

    rows: int
    unknown: int
    unknown_names: list[str]


def bring_predictions(project: ProjectFolder, folder: Path) -> LoadReport:
    """Copy a predictions folder from somewhere else, such as a machine with a GPU, into the project and load it.

    Raises:
        FacelabelError: as `load_predictions`; nothing is copied then.
    """
    file = PredictionsFile(folder)
    file.verify()
    check_schema(project, file)
    target = project.rounds / f"brought-{file.manifest['manifest_hash'][:16]}" / "predictions"
    if not target.exists():
        with staged_folder(target) as unfinished:
            for name in ("predictions.arrow", "manifest.json"):
                write_atomically(unfinished / name, (folder / name).read_bytes())
    return load_predictions(project, target)


def check_schema(project: ProjectFolder, file: PredictionsFile) -> str:
    """The project's schema hash, if the predictions were made for it.

    Raises:
        FacelabelError: if they were made for another schema; the predictions in use stay in use.
    """
    with project.database.read() as session:
        current = active_schema(session).hash
    if file.manifest["schema"]["hash"] != current:
        raise FacelabelError(
            "other_schema",
            f"The predictions in {file.folder} were made for another schema than the project's.",
            kept="The predictions in use stay in use.",
            do="Run a new round: `facelabel round`.",
        )
    return current


def load_predictions(
    project: ProjectFolder, folder: Path, round_id: int | None = None, *, all_known: bool = False
) -> LoadReport:
    """Make a predictions folder inside the project the one that the queue and the suggestions come from.

    Loading the same folder again changes nothing. Two folders may hold the same bytes: two rounds in one second.

    Args:
        project: the project.
        folder: the predictions.
        round_id: the round that made them; None: they were brought.
        all_known: the project is known to have all their images, so that it need not be seen.

    Raises:
        FacelabelError: if it is damaged, or was made for another schema; the predictions in use stay in use.
    """
    file = PredictionsFile(folder)
    file.verify()
    current = check_schema(project, file)
    unknown, examples = (0, []) if all_known else _unknown_images(project, file)
    path = folder.resolve().relative_to(project.path.resolve()).as_posix()
    digest = file.manifest["manifest_hash"]
    with project.database.write() as session:
        known = select(Predictions.id).where(Predictions.path == path, Predictions.content_hash == digest)
        if session.scalar(known) is None:
            session.add(
                Predictions(
                    round_id=round_id,
                    path=path,
                    content_hash=digest,
                    schema_hash=current,
                    rows=file.rows,
                    unknown=unknown,
                    cursor=0,
                    turn=next_turn(session),
                    loaded_at=now(),
                )
            )
    return LoadReport(file.rows, unknown, examples)


def next_turn(session: Session) -> int:
    """The turn that puts predictions in use: higher than all before it."""
    return (session.scalar(select(func.max(Predictions.turn))) or 0) + 1


def _unknown_images(project: ProjectFolder, file: PredictionsFile) -> tuple[int, list[str]]:
    with project.database.read() as session:
        known = {name for rows in fetch_many(session, select(Image.name), 10_000) for (name,) in rows}
    missing = [name for name in file.all_names() if name not in known]
    return len(missing), missing[:5]


@dataclass(frozen=True)
class ActivePredictions:
    """The predictions in use: their file, and where the order of work is still to be done."""

    id: int
    cursor: int
    file: PredictionsFile


_NEWEST = (
    select(Predictions.id, Predictions.cursor, Predictions.path)
    .where(Predictions.schema_hash == bindparam("schema_hash"))
    .order_by(Predictions.turn.desc(), Predictions.id.desc())
    .limit(1)
)


def active_predictions(
    project: ProjectFolder, session: Session, schema_hash: str
) -> ActivePredictions | None:
    """The predictions in use: the last loaded, or returned to, of those that were made for the active schema."""
    row = session.connection().execute(_NEWEST, {"schema_hash": schema_hash}).one_or_none()
    if row is None:
        return None
    folder = project.path / row.path
    file = project_cache(session).get_or_compute(_FILES, folder, lambda: PredictionsFile(folder))
    return ActivePredictions(row.id, row.cursor, file)
