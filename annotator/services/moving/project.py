"""Move a project folder to another database: what the command calls."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from annotator.database import Database, open_database
from annotator.database.link import LINK, DatabaseLink
from annotator.errors import Busy, WrongUse
from annotator.files import sync_folder
from annotator.project import NEWEST_REVISION, ProjectFolder
from annotator.services.moving.move import MoveReport, Progress, cancel, move
from annotator.services.moving.places import Place, opened_place

OWN_FILE = "file"
"""What stands for the project's own SQLite file in place of a URL."""


def move_project(project: ProjectFolder, to: str, progress: Progress) -> MoveReport:
    """Move a project to another database. A move that was interrupted goes on.

    Args:
        project: the project, opened.
        to: `postgresql://user:password@host/name`, or `file` for facelabel.db in the project's folder.
        progress: is told the progress.

    Raises:
        WrongUse: if the project is there already, or the URL cannot be read.
        Conflict: if the database holds something else, or the project is being moved to another one.
        Busy: if another process moves the project.
        FacelabelError: if a row cannot be copied, or a database cannot be used. The project stays where it is.
    """
    target = open_database(project.database_file if to == OWN_FILE else to)
    try:
        if target.location == project.database.location:
            raise WrongUse("same_database", f"The project is in {target.location} already.")
        target.revision()  # it says why the database cannot be reached
        with (
            _alone(project),
            opened_place(project.database, project.database.location) as here,
            opened_place(target, target.location) as there,
        ):
            return move(here, there, NEWEST_REVISION, lambda: _switch(project, target, there), progress)
    finally:
        target.close()


def cancel_move(project: ProjectFolder) -> str | None:
    """Give up an interrupted move: people can answer again. Return where it went to; None if there is none."""
    with _alone(project), opened_place(project.database, project.database.location) as here:
        return cancel(here)


@contextmanager
def _alone(project: ProjectFolder) -> Iterator[None]:
    """Keep other processes from moving the project; the lock ends with the process."""
    with (project.path / ".facelabel-move.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(
                "move_runs", "Another process moves this project.", do="Wait until it has ended."
            ) from error
        yield


def _switch(project: ProjectFolder, target: Database, place: Place) -> None:
    """Let the folder name the target. One file appears, is replaced, or goes: never is there a state in between."""
    if target.location != str(project.database_file):
        token = place.side.project_token()
        assert token is not None, "the rows of the project are there"
        DatabaseLink(target.location, token).write(project.path)
    else:
        target.checkpoint()
        (project.path / LINK).unlink()
        sync_folder(project.path)
