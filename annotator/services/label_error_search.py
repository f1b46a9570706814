"""The search for label errors, in a process of its own beside the worker: it takes seconds, and no round waits for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from sqlalchemy import select

from annotator.models import Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.label_errors import FILE, newest_list, round_of_list

GROWTH = 1.2
"""A round is looked through when it has this many times the answers of the last one that was."""


class LabelErrorSearch:
    """Looks through the newest round's labels as soon as there are clearly more than at the last time."""

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._running: subprocess.Popen[bytes] | None = None
        self._tried = 0

    @property
    def running(self) -> bool:
        """Whether a search is at work."""
        return self._running is not None and self._running.poll() is None

    def look(self) -> None:
        """Start a search if one is due and none is running; returns at once."""
        if self.running:
            return
        number = self._due()
        if number is None or find_spec("cleanlab") is None or find_spec("torch") is None:
            return
        folder = self._project.round_folder(number)
        command = [sys.executable, "-m", "trainer", "label-errors", str(folder / "snapshot")]
        command += ["--to", str(folder / "run" / FILE), "--cache", str(self._project.cache)]
        with (folder / "label_errors.log").open("wb") as log:
            self._running = subprocess.Popen(command, stdout=log, stderr=log)

    def close(self) -> None:
        """End a search that is running; the next worker begins it again."""
        if self._running is not None and self.running:
            self._running.terminate()
            self._running.wait()

    def _due(self) -> int | None:
        """The newest round of this project with a snapshot, if it was not tried and has enough new answers."""
        with self._project.database.read() as session:
            newest = session.execute(
                select(Round.id, Round.newest_annotation)
                .join(Predictions, Predictions.round_id == Round.id)
                .order_by(Predictions.id.desc())
                .limit(1)
            ).one_or_none()
            if newest is None or newest.id <= self._tried:
                return None
            self._tried = newest.id
            if not (self._project.round_folder(newest.id) / "snapshot" / "manifest.json").exists():
                return None
            last = newest_list(self._project)
            if last is not None:
                before = session.get(Round, round_of_list(last))
                seen = (before.newest_annotation or 0) if before else 0
                if before is not None and (newest.newest_annotation or 0) < max(seen * GROWTH, seen + 1):
                    return None
        return int(newest.id)
