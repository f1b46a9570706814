"""What is looked into when a round is over, in a process of its own beside the worker: it takes seconds, and no round waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import select

from annotator.child_process import BoundProcess
from annotator.models import Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.common.round_artifacts import REPORT, newest_result, round_of_result
from annotator.services.insights import label_savings
from annotator.services.review import label_issues

GROWTH = 1.2
"""A round is looked into when it has this many times the answers of the last one that was."""


class RoundStudy:
    """Looks into the newest round as soon as there are clearly more answers than at the last time.

    Args:
        project: The project.
        file: What the trainer writes, in the round's `run` folder.
        command: The trainer's command with its arguments, for the round's folder.
        needs: Packages without which it is not tried.
    """

    def __init__(
        self, project: ProjectFolder, file: str, command: Callable[[Path], list[str]], needs: Sequence[str]
    ) -> None:
        self._project, self._file, self._command, self._needs = project, file, command, needs
        self.process: BoundProcess | None = None
        """What was started last."""
        self._tried = 0

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self.process is not None and self.process.running

    def look(self) -> None:
        """Start if it is due and not at work; returns at once."""
        if self.running:
            return
        number = self._due()
        if number is None or not all(find_spec(package) for package in self._needs):
            return
        folder = self._project.round_folder(number)
        name, *arguments = self._command(folder)
        arguments = [name, *arguments, "--cache", str(self._project.cache)]
        self.process = BoundProcess("trainer", arguments, folder / f"{name}.log")

    def close(self) -> None:
        """End what is running; the next worker begins it again."""
        if self.process is not None:
            self.process.end()

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
            last = newest_result(self._project, self._file)
            if last is not None:
                before = session.get(Round, round_of_result(last))
                seen = (before.newest_annotation or 0) if before else 0
                if before is not None and (newest.newest_annotation or 0) < max(seen * GROWTH, seen + 1):
                    return None
        return int(newest.id)


def studies_of(project: ProjectFolder) -> list[RoundStudy]:
    """All that is looked into, the quickest help first."""
    return [label_error_search(project), labels_saved_estimate(project), training_report(project)]


def label_error_search(project: ProjectFolder) -> RoundStudy:
    """Looks for labels that are probably wrong."""

    def command(folder: Path) -> list[str]:
        return ["label-errors", str(folder / "snapshot"), "--to", str(folder / "run" / label_issues.FILE)]

    return RoundStudy(project, label_issues.FILE, command, ("cleanlab", "torch"))


def labels_saved_estimate(project: ProjectFolder) -> RoundStudy:
    """Estimates what the rule's choice of images is worth against chance."""

    def command(folder: Path) -> list[str]:
        file = folder / label_savings.SELECTION
        with project.database.read() as session:
            label_savings.write_selection(session, file)
        to = ["--to", str(folder / "run" / label_savings.FILE)]
        return ["labels-saved", str(folder / "snapshot"), *to, "--selection", str(file)]

    return RoundStudy(project, label_savings.FILE, command, ("torch",))


def training_report(project: ProjectFolder) -> RoundStudy:
    """Writes the page about a round's training, with its charts."""
    return RoundStudy(
        project,
        REPORT,
        lambda folder: ["report", str(folder / "run"), str(folder / "snapshot")],
        ("matplotlib", "torch"),
    )


def look_into_rounds(studies: Sequence[RoundStudy]) -> None:
    """Start the first that is due, one at a time: people label beside them."""
    for study in studies:
        if any(other.running for other in studies):
            return
        study.look()


@contextmanager
def paused(studies: Sequence[RoundStudy]) -> Iterator[None]:
    """Let them rest meanwhile: a round takes seconds and somebody waits for it, they take minutes and nobody does."""
    at_work = [study.process for study in studies if study.process is not None]
    for process in at_work:
        process.pause()
    try:
        yield
    finally:
        for process in at_work:
            process.resume()
