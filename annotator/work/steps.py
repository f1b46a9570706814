"""The steps of a worker's loop: an import, a round, or a piece of the work for new images and old rounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from functools import partial

from annotator.config import Settings
from annotator.feature_removal import forget_features
from annotator.feature_warmup import AddedNetworksWarmup, FeatureWarmup
from annotator.project import ProjectFolder
from annotator.services.backups.scheduler import BackupScheduler
from annotator.services.common.claims import Duty, Member
from annotator.services.erasure.journal import Interruption, complete_erasures, erasure_waits, forget_caches
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.faces.detection import BATCH_SECONDS, FaceSearch
from annotator.services.grouping.duplicate_search import DuplicateSearch
from annotator.services.importing.bucket.watch import BucketWatch
from annotator.services.importing.runner import run_next_import
from annotator.services.insights.background import BackgroundProcess, analyses_of, start_due_analysis
from annotator.services.insights.image_map import MapComputation
from annotator.services.rounds.jobs import (
    brings_first_suggestions,
    extend_partial_round,
    first_round_is_near,
    start_round_if_due,
)
from annotator.services.rounds.pruning import RoundPruning
from annotator.services.team.relabel_scheduler import RelabelScheduler


class WorkerSteps:
    """What a worker does, a step at a time. Duties are what it looks after between imports and rounds, unless another worker does.

    Args:
        project: the project.
        settings: which work is done between rounds, and when a round starts automatically.
        stopped: says whether the worker ends.
        member: the worker.
        kinds: the kinds of work that it takes.
        normal: a thread of normal priority, which runs the round that brings the first suggestions.
        run_round: runs the next round (`worker.run_next_round`).
    """

    def __init__(
        self,
        project: ProjectFolder,
        settings: Settings,
        stopped: Callable[[], bool],
        member: Member,
        kinds: Collection[str],
        normal: Executor | None,
        run_round: Callable[..., bool],
    ) -> None:
        self._project, self._settings, self._member = project, settings, member
        self._kinds, self._normal, self._run_round = kinds, normal, run_round
        self._interrupted = Interruption(project, stopped)
        self._snapshots = RoundSnapshots(project)
        self._search, self._warmup = FaceSearch(project), FeatureWarmup(project, faces=settings.faces)
        self._analyses: list[BackgroundProcess] = [*analyses_of(project), MapComputation(project)]
        self._relabeling, self._backups = RelabelScheduler(project), BackupScheduler(project)
        self._watch = BucketWatch(project, settings)
        self._duties = {name: Duty(member, name) for name in ("groups", "analyses", "backups")}
        self._background = self._background_steps()

    def run_step(self) -> bool:
        """Do the next piece of work that is due. Returns whether there was any.

        Work that somebody waits for comes first; the other steps take turns.
        """
        if not self._complete_erasures():
            return False
        if "backups" in self._kinds:
            with self._duties["backups"].taken() as held:
                if held:
                    self._backups.start_if_due()
                else:
                    self._backups.close()  # this worker was taken for lost
        if self._run_job():
            return True
        with self._project.database.read() as session:
            if first_round_is_near(session, self._settings.round_every):
                return False
        for step in tuple(self._background):
            self._background.rotate(-1)
            if step():
                return True
        if self._learns and self._extend():
            return True
        self._analyse()
        return False

    def close(self) -> None:
        """End what runs beside it."""
        self._search.close()
        self._backups.close()
        for analysis in self._analyses:
            analysis.close()

    @property
    def _learns(self) -> bool:
        """Whether this worker computes all features before a round, so that it knows whether they are complete."""
        return self._settings.round_every > 0 and {"train", "features"} <= set(self._kinds)

    def _complete_erasures(self) -> bool:
        """Complete what was erased for good, before any other work. Returns whether nothing is left of it."""
        forget_caches(self._project)
        if not erasure_waits(self._project):
            return True
        self._interrupt_analyses()
        self._duties["analyses"].release()
        self._snapshots.forget()
        return complete_erasures(self._project, forget_features)

    def _interrupt_analyses(self) -> None:
        for analysis in self._analyses:
            analysis.interrupt()

    def _run_job(self) -> bool:
        """Run an import or a round, if one waits and no other worker runs one."""
        project, settings = self._project, self._settings
        if "import" in self._kinds:
            if run_next_import(project, settings, self._interrupted, self._begin):
                return True
            if self._watch.run_if_due(self._interrupted, self._begin):
                return True
        if "train" not in self._kinds:
            return False
        start_round_if_due(project, settings.round_every)
        run = partial(
            self._run_round, project, settings, self._snapshots, stopped=self._interrupted, analyses=self._analyses,
            begin=self._begin, analyse=self._analyse, at_once=self._learns and not self._warmup.complete,
        )  # fmt: skip
        with project.database.read() as session:
            brings = self._normal is not None and brings_first_suggestions(session)
        return self._normal.submit(run).result() if self._normal is not None and brings else run()

    def _begin(self) -> None:
        """Let other workers have the duties before a job that may take hours; what already runs beside it stays here."""
        for name, duty in self._duties.items():
            is_running = {
                "backups": self._backups.running,
                "analyses": any(a.running for a in self._analyses),
            }
            if not is_running.get(name, False):
                duty.release()

    def _extend(self) -> bool:
        return extend_partial_round(self._project, self._settings.round_every, self._warmup.complete)

    def _analyse(self) -> None:
        if "analyses" in self._kinds:
            with self._duties["analyses"].taken() as held:
                if held:
                    start_due_analysis(self._analyses)
                    self._relabeling.schedule_if_new()
                else:
                    self._interrupt_analyses()  # this worker was taken for lost

    def _background_steps(self) -> deque[Callable[[], bool]]:
        """The steps for new images and old rounds when nothing else is due; each takes about a second."""
        project, settings, kinds = self._project, self._settings, self._kinds
        steps: deque[Callable[[], bool]] = deque()
        if "features" in kinds:
            if settings.round_every:
                steps.append(self._warmup.run_step)
            steps.append(AddedNetworksWarmup(project, faces=settings.faces).run_step)
        if "faces" in kinds and settings.faces:
            steps.append(lambda: bool(self._search.run_batch(BATCH_SECONDS)))
        if "groups" in kinds:
            steps.append(partial(self._with, "groups", DuplicateSearch(project).run_step))
        if "analyses" in kinds:
            steps.append(
                partial(self._with, "analyses", RoundPruning(project, settings.rounds_kept).run_step)
            )
        return steps

    def _with(self, duty: str, step: Callable[[], bool]) -> bool:
        """Run a step if this worker has the duty."""
        with self._duties[duty].taken() as held:
            return held and step()
