"""SQLite's quick check when a server starts, in a thread: a damaged database is told before it becomes worse."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import DatabaseError

from annotator.errors import FacelabelError
from annotator.project import ProjectFolder

_log = logging.getLogger("facelabel")


class StartupCheck:
    """Checks the database once. Others read and write meanwhile; it takes some seconds per gigabyte.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._thread = threading.Thread(target=self._look, name="startup-check", daemon=True)
        self.damage: list[str] = []

    def start(self, wait_seconds: float = 0.0) -> None:
        """Begin, and wait for the result for a while at most."""
        self._thread.start()
        self._thread.join(wait_seconds)

    def error(self) -> FacelabelError | None:
        """The error for a database that was found to be damaged; None as long as nothing is known."""
        if not self.damage:
            return None
        return FacelabelError(
            "damaged_database",
            f"The project's database is damaged: {'; '.join(self.damage[:3])}.",
            kept="The server takes no more answers, because each could make it worse.",
            do="Call `facelabel doctor --deep`, and restore the newest backup into another folder: `facelabel restore`.",
        )

    def _look(self) -> None:
        try:
            self.damage = [" ".join(line.split()) for line in self._project.database.find_damage()]
        except DatabaseError as error:
            self.damage = [str(error.orig)]
        if self.damage:
            _log.error("the database is damaged: %s", "; ".join(self.damage))
