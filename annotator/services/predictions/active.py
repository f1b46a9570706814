"""The predictions of a project: load a folder, and find the active one, from which suggestions and the queue come."""

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
    """What loading found: images in the file, and how many of them are not in the project."""

    rows: int
    unknown: int
    unknown_names: list[str]


def import_predictions(project: ProjectFolder, folder: Path) -> LoadReport:
    """Copy a predictions folder into the project, for example from a machine with a GPU, and load it.

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
    """Check that predictions were made for the active schema, and return its hash.

    Raises:
        FacelabelError: if they were made for another schema; the active predictions stay active.
    """
    with project.database.read() as session:
        current = active_schema(session).hash
    if file.manifest["schema"]["hash"] != current:
        raise FacelabelError(
            "other_schema",
            f"The predictions in {file.folder} were made for another schema than the project has.",
            kept="The active predictions stay active.",
            do="Run a new round: `facelabel round`.",
        )
    return current


def load_predictions(
    project: ProjectFolder, folder: Path, round_id: int | None = None, *, all_known: bool = False
) -> LoadReport:
    """Make a predictions folder of the project the active one.

    Loading the same folder again changes nothing. Two folders may have the same bytes, for example of two rounds in one second.

    Args:
        project: the project.
        folder: the predictions.
        round_id: the round that made them; None: they were imported.
        all_known: whether the caller knows that the project has all their images, so that this is not checked.

    Raises:
        FacelabelError: if the folder is damaged, or was made for another schema; the active predictions stay active.
    """
    file = PredictionsFile(folder)
    file.verify()
    current = check_schema(project, file)
    unknown, examples = (0, []) if all_known else _unknown_images(project, file)
    path = folder.resolve().relative_to(project.path.resolve()).as_posix()
    digest = file.manifest["manifest_hash"]
    with project.database.write() as session:
        loaded = select(Predictions.id).where(Predictions.path == path, Predictions.content_hash == digest)
        if session.scalar(loaded) is None:
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
    """Return the turn that makes predictions active: higher than all earlier ones."""
    return (session.scalar(select(func.max(Predictions.turn))) or 0) + 1


def _unknown_images(project: ProjectFolder, file: PredictionsFile) -> tuple[int, list[str]]:
    with project.database.read() as session:
        names = {name for rows in fetch_many(session, select(Image.name), 10_000) for (name,) in rows}
    missing = [name for name in file.all_names() if name not in names]
    return len(missing), missing[:5]


@dataclass(frozen=True)
class ActivePredictions:
    """The active predictions: their file, and the place from which the order of work is not done."""

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
    """Find the active predictions: of those for the active schema, the ones that were loaded or chosen last."""
    row = session.connection().execute(_NEWEST, {"schema_hash": schema_hash}).one_or_none()
    if row is None:
        return None
    folder = project.path / row.path
    file = project_cache(session).get_or_compute(_FILES, folder, lambda: PredictionsFile(folder))
    return ActivePredictions(row.id, row.cursor, file)
