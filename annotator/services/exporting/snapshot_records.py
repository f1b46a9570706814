"""Give the project's snapshots titles and notes, and delete those that nothing in use was trained on."""

from __future__ import annotations

import shutil

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.files import UNFINISHED, cannot_write
from annotator.models import Snapshot
from annotator.project import ProjectFolder
from annotator.services.predictions.active import active_predictions, name_of, newest_entries, usable_file
from annotator.services.schema.active import active_schema

MOST_TITLE = 200
MOST_NOTE = 5000


def describe_snapshot(
    session: Session, name: str, *, title: str | None = None, note: str | None = None
) -> Snapshot:
    """Change a snapshot's title or note in the list; None leaves it. The snapshot's files stay as they are.

    Raises:
        NotFound: if the project lists no such snapshot.
        FacelabelError: if the text is too long.
    """
    row = _snapshot(session, name)
    for text, most in ((title, MOST_TITLE), (note, MOST_NOTE)):
        if text is not None and len(text) > most:
            raise FacelabelError("too_long", f"The text has more than {most} characters.", do="Shorten it.")
    row.title = row.title if title is None else title.strip()
    row.note = row.note if note is None else note.strip()
    session.flush()
    return row


def delete_snapshot(project: ProjectFolder, name: str) -> None:
    """Delete a snapshot inside the project. A killed deletion leaves it listed, so that it can be deleted again.

    Raises:
        NotFound: if the project lists no such snapshot.
        Conflict: if predictions in use were trained on it.
        FacelabelError: if its files cannot be removed.
    """
    with project.database.read() as session:
        row = _snapshot(session, name)
        user = _user_of(project, session, row.content_hash)
    if user is not None:
        raise Conflict(
            "snapshot_in_use",
            f"The snapshot {name} was not deleted: {user} learned from it and is in use.",
            do="Start a round, or use other predictions on the page Rounds first.",
        )
    folder = project.snapshots / name
    leftover = project.snapshots / f".{name}{UNFINISHED}"
    try:
        if folder.is_dir():
            folder.rename(leftover)  # at once: nobody ever reads half of a snapshot
        shutil.rmtree(leftover, ignore_errors=not leftover.is_dir())
    except OSError as error:
        raise cannot_write(folder, error) from error
    with project.database.write() as session:
        session.execute(delete(Snapshot).where(Snapshot.name == name))


def _snapshot(session: Session, name: str) -> Snapshot:
    row = session.scalar(select(Snapshot).where(Snapshot.name == name))
    if row is None:
        raise NotFound("unknown_snapshot", f"The project has no snapshot {name!r}.", do="Look at the list.")
    return row


def _user_of(project: ProjectFolder, session: Session, content_hash: str) -> str | None:
    """Name the predictions in use that were trained on a snapshot; None if there are none."""
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    if predictions is not None and _trained_on(predictions.file.manifest) == content_hash:
        return "the model that gives the order of work"
    for attribute, (_, row) in newest_entries(session, active.hash).items():
        file = usable_file(project, session, row.path)
        if file is not None and _trained_on(file.manifest) == content_hash:
            return f"the model of {name_of(row)}, which suggests values of {attribute},"
    return None


def _trained_on(manifest: dict[str, object]) -> object:
    snapshot = manifest.get("snapshot")
    return snapshot.get("content_hash") if isinstance(snapshot, dict) else None
