"""Load predictions: check them, and let them suggest and give the order of work where nothing becomes worse by it (sources.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from annotator.errors import FacelabelError
from annotator.files import staged_folder, write_atomically
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Predictions, now
from annotator.project import ProjectFolder
from annotator.services.predictions.active import name_of, newest_entries
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.rounds.pruning import pruned_error
from annotator.services.rounds.sources import add_decisions, decide_sources, gives_order, next_turn
from annotator.services.schema.active import active_schema


@dataclass(frozen=True)
class LoadReport:
    """What loading found.

    Args:
        rows: images in the file.
        unknown: how many of them are not in the project.
        unknown_names: some of these.
        kept: attribute → why earlier predictions still suggest its values.
        ordered: whether the order of work comes from the file.
    """

    rows: int
    unknown: int
    unknown_names: list[str]
    kept: dict[str, str] = field(default_factory=dict)
    ordered: bool = True


def import_predictions(project: ProjectFolder, folder: Path) -> LoadReport:
    """Copy a predictions folder into the project, for example from a machine with a GPU, and load it.

    Raises:
        FacelabelError: as `load_predictions`; nothing is copied then.
    """
    file = PredictionsFile(folder)
    file.verify()
    if file.is_pruned:
        raise pruned_error(f"The round of {folder}")
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
        raise other_schema(file)
    return current


def other_schema(file: PredictionsFile) -> FacelabelError:
    """The error for predictions that were made for another schema."""
    return FacelabelError(
        "other_schema",
        f"The predictions in {file.folder} were made for another schema than the project has.",
        kept="The active predictions stay active.",
        do="Run a new round: `facelabel round`.",
    )


def load_predictions(
    project: ProjectFolder, folder: Path, round_id: int | None = None, *, all_known: bool = False
) -> LoadReport:
    """Load a predictions folder of the project: from then on it suggests where no better one does, and gives the order of work.

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
    row = Predictions(
        round_id=round_id, path=path, content_hash=digest, schema_hash=current, rows=file.rows, unknown=unknown,
        cursor=0, turn=0, loaded_at=now(),
    )  # fmt: skip
    # Measuring takes up to a second in a large project, so nobody waits for it with a write lock.
    with project.database.read() as session:
        ordered = gives_order(project, session, file, current)
        decisions = decide_sources(project, session, file, name_of(row))
    with project.database.write() as session:
        same = select(Predictions.id).where(Predictions.path == path, Predictions.content_hash == digest)
        number = session.scalar(same)
        if number is None:
            row.turn = next_turn(session) if ordered else 0
            session.add(row)
            session.flush()
            number = row.id
            add_decisions(session, current, decisions, number)
        entries = newest_entries(session, current)
        kept = {name: entry.reason for name, (entry, _) in entries.items() if entry.predictions_id != number}
    return LoadReport(file.rows, unknown, examples, kept, ordered)


def _unknown_images(project: ProjectFolder, file: PredictionsFile) -> tuple[int, list[str]]:
    with project.database.read() as session:
        names = {name for rows in fetch_many(session, select(Image.name), 10_000) for (name,) in rows}
    missing = [name for name in file.all_names() if name not in names]
    return len(missing), missing[:5]
