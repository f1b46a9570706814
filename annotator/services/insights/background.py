"""Analyses of finished rounds, run by the trainer in a process beside the worker.

An analysis takes seconds to minutes, and no round waits for it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import select

from annotator.child_process import ChildProcess
from annotator.domain.states import JobState
from annotator.models import Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.common.round_artifacts import REPORT, TRIALS, newest_result, round_of_result
from annotator.services.insights import label_savings
from annotator.services.review import label_issues
from annotator.services.rounds.networks import list_networks

GROWTH = 1.2
"""A round is analysed when the project has this many times the answers that the last analysed round had."""


class BackgroundProcess:
    """Work of the trainer in a process beside the worker, one at a time."""

    def __init__(self) -> None:
        self.process: ChildProcess | None = None
        """The process that was started last."""

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.running

    def start_if_due(self) -> None:
        """Start the process if its work is due and it is not running. Returns at once."""
        raise NotImplementedError

    def close(self) -> None:
        """End a running process; the next worker starts it again."""
        if self.process is not None:
            self.process.end()

    def interrupt(self) -> None:
        """End a running process; it is started again when its work is due."""
        if self.running:
            self.close()


class BackgroundAnalysis(BackgroundProcess):
    """Analyses the newest round when there are clearly more answers than at the previous analysis.

    Args:
        project: the project.
        file: the name of the result, which the trainer writes into the round's `run` folder.
        command: gives the trainer's command and its arguments for a round's folder.
        needs: the packages without which the analysis is not started.
    """

    def __init__(
        self, project: ProjectFolder, file: str, command: Callable[[Path], list[str]], needs: Sequence[str]
    ) -> None:
        super().__init__()
        self._project, self._file, self._command, self._needs = project, file, command, needs
        self._last_attempt: tuple[int, Hashable] | None = None

    def start_if_due(self) -> None:
        """Start the analysis if it is due and not running. Returns at once."""
        if self.running:
            return
        number = self._due()
        if number is None or not all(find_spec(package) for package in self._needs):
            return
        folder = self._project.round_folder(number)
        name, *arguments = self._command(folder)
        arguments = [name, *arguments, "--cache", str(self._project.cache)]
        lock = self._project.path / "analysis.lock"
        self.process = ChildProcess("trainer", arguments, folder / f"{name}.log", lock)

    def interrupt(self) -> None:
        """End a running analysis; it is started again when it is due."""
        if self.running:
            super().interrupt()
            self._last_attempt = None

    def _due(self) -> int | None:
        """The newest round of this project that has a snapshot, unless it was tried or has too few new answers."""
        with self._project.database.read() as session:
            newest = session.execute(
                select(Round.id, Round.newest_annotation)
                .join(Predictions, Predictions.round_id == Round.id)
                .order_by(Predictions.id.desc())
                .limit(1)
            ).one_or_none()
            attempt = None if newest is None else (newest.id, self._subject())
            if newest is None or attempt == self._last_attempt:
                return None
            self._last_attempt = attempt
            if not (self._project.round_folder(newest.id) / "snapshot" / "manifest.json").exists():
                return None
            result = newest_result(self._project, self._file)
            analysed = session.get(Round, round_of_result(result)) if result is not None else None
            if result is not None and analysed is not None and self._covers(result):
                answers_then = analysed.newest_annotation or 0
                if (newest.newest_annotation or 0) < max(answers_then * GROWTH, answers_then + 1):
                    return None
        return int(newest.id)

    def _subject(self) -> Hashable:
        """What is analysed besides the round; the round is analysed again when it changes."""
        return None

    def _covers(self, result: Path) -> bool:  # noqa: ARG002 - an analysis with a subject reads it
        """Whether an earlier result is about the same subject."""
        return True


def analyses_of(project: ProjectFolder) -> list[BackgroundAnalysis]:
    """All analyses of a project's rounds, in the order in which they are started."""
    return [
        NetworkReports(project),
        label_issue_analysis(project),
        label_savings_analysis(project),
        NetworkTrials(project),
        training_report_analysis(project),
    ]


class NetworkTrials(BackgroundAnalysis):
    """Tries the networks that were added, to compare them with the frozen one; also again when one was added."""

    def __init__(self, project: ProjectFolder) -> None:
        super().__init__(project, TRIALS, self._try_networks, ("torch",))

    def start_if_due(self) -> None:
        """Start the trials if they are due and not running, and a network was added."""
        if self._subject():
            super().start_if_due()

    def _subject(self) -> frozenset[str]:
        return frozenset(network.folder.name for network in list_networks(self._project))

    def _covers(self, result: Path) -> bool:
        try:
            return self._subject() <= set(json.loads(result.read_text()))
        except (OSError, ValueError):
            return False

    def _try_networks(self, folder: Path) -> list[str]:
        newest = newest_result(self._project, self._file)
        for old in self._project.rounds.glob(f"*/run/{Path(self._file).parent}"):
            if newest is not None and old != newest.parent:  # their predictions may be large
                shutil.rmtree(old)
        with self._project.database.read() as session:
            row = session.get_one(Round, int(folder.name))
            frozen = row.engine == "probe" and row.features is None and row.network is None
        networks = [str(network.folder) for network in list_networks(self._project)]
        to = ["--to", str((folder / "run" / self._file).parent)]
        chosen = [argument for network in networks for argument in ("--network", network)]
        return ["try-networks", str(folder / "snapshot"), *to, *chosen, *([] if frozen else ["--frozen"])]


class NetworkReports(BackgroundAnalysis):
    """Writes the report of every round that trained a network, however little was labelled since; it starts when the round ends."""

    def __init__(self, project: ProjectFolder) -> None:
        super().__init__(project, REPORT, _report_command, ("matplotlib", "torch"))
        self._tried: set[int] = set()

    def _due(self) -> int | None:
        """The newest round that trained a network and has no report, unless it was tried."""
        query = (
            select(Round.id)
            .join(Predictions, Predictions.round_id == Round.id)
            .where(
                Round.engine != "probe",
                Round.state == JobState.DONE,
                Round.pruned_at.is_(None),
                Round.id.not_in(self._tried),
            )
            .order_by(Round.id.desc())
        )
        with self._project.database.read() as session:
            numbers = list(session.scalars(query))
        for number in numbers:
            folder = self._project.round_folder(number)
            if not (folder / "run" / REPORT).exists() and (folder / "snapshot" / "manifest.json").exists():
                self._tried.add(number)
                return number
        return None


def _report_command(folder: Path) -> list[str]:
    return ["report", str(folder / "run"), str(folder / "snapshot")]


def write_report(project: ProjectFolder) -> None:
    """Write the reports that rounds with a network lack, and wait for them."""
    reports = NetworkReports(project)
    reports.start_if_due()
    while reports.process is not None:
        reports.process.wait()
        reports.process = None
        reports.start_if_due()


def label_issue_analysis(project: ProjectFolder) -> BackgroundAnalysis:
    """Search for labels that are probably wrong."""

    def command(folder: Path) -> list[str]:
        return ["label-errors", str(folder / "snapshot"), "--to", str(folder / "run" / label_issues.FILE)]

    return BackgroundAnalysis(project, label_issues.FILE, command, ("cleanlab", "torch"))


def label_savings_analysis(project: ProjectFolder) -> BackgroundAnalysis:
    """Estimate how many random labels a label chosen by the query strategy is worth."""

    def command(folder: Path) -> list[str]:
        file = folder / label_savings.SELECTION
        with project.database.read() as session:
            label_savings.write_selection(session, file)
        to = ["--to", str(folder / "run" / label_savings.FILE)]
        return ["labels-saved", str(folder / "snapshot"), *to, "--selection", str(file)]

    return BackgroundAnalysis(project, label_savings.FILE, command, ("torch",))


def training_report_analysis(project: ProjectFolder) -> BackgroundAnalysis:
    """Write the page about a round's training, with its charts."""
    return BackgroundAnalysis(project, REPORT, _report_command, ("matplotlib", "torch"))


def start_due_analysis(analyses: Sequence[BackgroundProcess]) -> None:
    """Start the first analysis that is due. Only one runs at a time, because people label meanwhile."""
    for analysis in analyses:
        if any(other.running for other in analyses):
            return
        analysis.start_if_due()


@contextmanager
def paused(analyses: Sequence[BackgroundProcess]) -> Iterator[None]:
    """Pause the analyses for the duration of a round: somebody waits for the round, nobody waits for an analysis."""
    processes = [analysis.process for analysis in analyses if analysis.process is not None]
    for process in processes:
        process.pause()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
