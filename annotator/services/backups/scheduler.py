"""Scheduled backups: the worker starts a process for one that is due, so that rounds and imports go on meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time

from annotator.project import ProjectFolder
from annotator.services.backups.places import due_place

_CHECK_SECONDS = 10.0


class BackupScheduler:
    """Starts backups that are due, one at a time.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._running: subprocess.Popen[bytes] | None = None
        self._next = 0.0

    @property
    def running(self) -> bool:
        """Whether a backup is running."""
        return self._running is not None and self._running.poll() is None

    def start_if_due(self) -> None:
        """Start a backup if one is due and none is running; the database is asked every few seconds at most."""
        if time.monotonic() < self._next or self.running:
            return
        self._next = time.monotonic() + _CHECK_SECONDS
        with self._project.database.read() as session:
            place = due_place(session)
        if place is not None:
            folder = str(self._project.path.resolve())
            command = [sys.executable, "-m", "annotator", "backup", place.path, "--project", folder]
            self._running = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        """End a running backup; the next one removes what it left."""
        if self._running is not None and self.running:
            self._running.terminate()
            self._running.wait()
