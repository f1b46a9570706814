"""The worker: it runs imports and rounds, one at a time, and processes new images between them.

Only this module and feature_warmup import the trainer. The table of rounds is the queue. A lock on a file marks the process
that works; it ends with its holder, however that ends. A round that is marked as running while nobody holds the lock was
therefore interrupted. It is started again with the same snapshot, and continues from what the trainer left in its folder.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from threading import Event

from annotator.config import Settings
from annotator.database import Changes
from annotator.domain.plurals import counted
from annotator.domain.states import JobState
from annotator.errors import Busy, FacelabelError, NoRoom
from annotator.feature_removal import forget_features
from annotator.feature_warmup import AddedNetworksWarmup, FeatureWarmup
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Round, now
from annotator.project import ProjectFolder
from annotator.services.backups.scheduler import BackupScheduler
from annotator.services.common.job_queue import CancelledError, StoppedError, failures_recorded, worker_lock
from annotator.services.erasure.journal import Interruption, complete_erasures, erasure_waits, forget_caches
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.faces.detection import BATCH_SECONDS, FaceSearch
from annotator.services.grouping.duplicate_search import DuplicateSearch
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import expire_uploads, remove_leftovers
from annotator.services.insights.background import BackgroundProcess, analyses_of, paused, start_due_analysis
from annotator.services.insights.image_map import MapComputation
from annotator.services.rounds.feature_choice import choose_features, fall_back_to_frozen
from annotator.services.rounds.jobs import (
    brings_first_suggestions,
    cancelled_rounds,
    claim_round,
    extend_partial_round,
    fail_round,
    first_round_is_near,
    images_at_once,
    note_labels_seen,
    release_round,
    report_progress,
    start_round_if_due,
)
from annotator.services.rounds.loading import load_predictions
from annotator.services.rounds.pruning import RoundPruning
from annotator.services.rounds.shared_training import train_together
from annotator.services.team.relabel_scheduler import RelabelScheduler
from annotator.worker_threads import start_threads

POLL_SECONDS = 0.1
"""How often the worker checks whether anything was committed; with 16 busy labellers that costs a tenth of a core."""
IDLE_SECONDS = 1.0
"""After how long the worker checks everything although nothing was committed."""
FULL_SECONDS = 5.0
"""How long the worker waits when the disk is full."""
REPORT_SECONDS = 0.25
"""The shortest time between two reports of progress within a stage."""
_log = logging.getLogger("facelabel")

Report = Callable[[str, int, int, str], None]
"""Called with stage, done, total and a message."""


def run_worker(
    project: ProjectFolder,
    settings: Settings,
    stop: Event,
    parent: int | None = None,
    normal: Executor | None = None,
) -> None:
    """Run the queued imports and rounds.

    Args:
        project: the project.
        settings: which work is done between rounds, and when a round starts automatically.
        stop: ends the worker when it is set.
        parent: the id of the process that started this one; the worker ends when that process is gone.
        normal: a thread of normal priority, which runs the round that brings the first suggestions.
    """

    def stopped() -> bool:
        return stop.is_set() or (parent is not None and os.getppid() != parent)

    interrupted = Interruption(project, stopped)
    search, warmup = FaceSearch(project), FeatureWarmup(project, faces=settings.faces)
    background, snapshots = _background(project, settings, search, warmup), RoundSnapshots(project)
    analyses: list[BackgroundProcess] = [*analyses_of(project), MapComputation(project)]
    relabeling, backups = RelabelScheduler(project), BackupScheduler(project)
    remove_leftovers(project)
    expire_uploads(project)
    ended, changes = Event(), project.database.changes()
    threads = start_threads(project, ended)
    try:
        while not stopped():
            try:
                _complete_erasures(project, analyses, snapshots)
                backups.start_if_due()
                busy = _work(project, settings, interrupted, background, snapshots, analyses, warmup, normal)
                if not busy and not extend_partial_round(project, settings.round_every, warmup.complete):
                    start_due_analysis(analyses)
                    relabeling.schedule_if_new()
            except (Busy, NoRoom) as error:
                # The database cannot even store the error. The interrupted work continues once there is room.
                _log.error("%s", str(error).replace("\n", " "))
                stop.wait(FULL_SECONDS)
                continue
            if not busy:
                _wait_for_changes(changes, stop)
    finally:
        ended.set()
        changes.close()
        search.close()
        backups.close()
        for analysis in analyses:
            analysis.close()
        for thread in threads:
            thread.join(1)  # what a thread has not finished, the next worker does


def _complete_erasures(
    project: ProjectFolder, analyses: Sequence[BackgroundProcess], snapshots: RoundSnapshots
) -> None:
    """Complete what was erased for good, before any other work."""
    forget_caches(project)
    if erasure_waits(project):
        for analysis in analyses:
            analysis.interrupt()
        snapshots.forget()
        complete_erasures(project, forget_features)


def _wait_for_changes(changes: Changes, stop: Event) -> None:
    until = time.monotonic() + IDLE_SECONDS
    while not stop.wait(POLL_SECONDS) and not changes.any() and time.monotonic() < until:
        pass


def _work(
    project: ProjectFolder,
    settings: Settings,
    stopped: Callable[[], bool],
    background: deque[Callable[[], bool]],
    snapshots: RoundSnapshots,
    analyses: Sequence[BackgroundProcess],
    warmup: FeatureWarmup,
    normal: Executor | None,
) -> bool:
    """Do the next piece of work that is due. Returns whether there was any.

    Work that somebody waits for comes first; the other steps take turns.
    """
    with worker_lock(project) as held:
        if held and run_next_import(project, settings, stopped):
            return True
    start_round_if_due(project, settings.round_every)
    waiting = settings.round_every > 0 and not warmup.complete
    run = partial(
        run_next_round, project, settings, snapshots, stopped=stopped, analyses=analyses, at_once=waiting
    )
    if normal.submit(run).result() if normal is not None and _brings_suggestions(project) else run():
        return True
    with project.database.read() as session:
        if first_round_is_near(session, settings.round_every):
            return False
    for step in tuple(background):
        background.rotate(-1)
        if step():
            return True
    return False


def _brings_suggestions(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return brings_first_suggestions(session)


def _background(
    project: ProjectFolder, settings: Settings, search: FaceSearch, warmup: FeatureWarmup
) -> deque[Callable[[], bool]]:
    """The steps for new images and old rounds when nothing else is due; each takes about a second."""
    steps: deque[Callable[[], bool]] = deque()
    if settings.round_every:
        steps.append(lambda: _if_alone(project, warmup.run_step))
    steps.append(partial(_if_alone, project, AddedNetworksWarmup(project, faces=settings.faces).run_step))
    if settings.faces:
        steps.append(lambda: bool(search.run_batch_if_free(BATCH_SECONDS)))
    steps.append(DuplicateSearch(project).run_step)
    steps.append(RoundPruning(project, settings.rounds_kept).run_step)
    return steps


def _if_alone(project: ProjectFolder, step: Callable[[], bool]) -> bool:
    """Run a step unless another worker is running, which would do the same work twice."""
    with worker_lock(project) as held:
        return held and step()


def run_next_round(
    project: ProjectFolder,
    settings: Settings,
    snapshots: RoundSnapshots,
    report: Report = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
    analyses: Sequence[BackgroundProcess] = (),
    *,
    at_once: bool = False,
) -> bool:
    """Run the oldest unfinished round, unless another process is running one. Returns whether it did.

    Args:
        project: the project.
        settings: how often an interrupted round is attempted.
        snapshots: writes the round's snapshot.
        report: is told the progress.
        stopped: when it returns True, the round stops between two steps, and the next worker continues it.
        analyses: are paused while a round of the engine probe runs.
        at_once: an automatic round does not wait for features that are missing (`jobs.images_at_once`).
    """
    with worker_lock(project) as held:
        if not held:
            return False
        with project.database.write() as session:
            row = claim_round(session, settings.round_attempts)
        if row is None:
            _remove_cancelled(project)
            return False

        def give_back() -> None:
            with project.database.write() as session:
                release_round(session, row.id)

        def fail(error: str) -> None:
            snapshots.forget()  # the next round writes a new one, because this one may be the cause
            with project.database.write() as session:
                fail_round(session, row.id, error)

        log = project.round_folder(row.id) / "error.log"
        resting = analyses if row.engine == "probe" else ()  # rounds of other engines take minutes
        with (
            paused(resting),
            failures_recorded(project.path, log, "The labels are unchanged.", give_back, fail),
        ):
            reporter = _Reporter(project, row.id, report, stopped)
            _run(project, row, snapshots, reporter, settings.round_processes, at_once=at_once)
        _remove_cancelled(project)
        if row.engine != "probe":
            start_due_analysis(analyses)  # its report is not to wait until the worker has nothing else to do
        return True


def _remove_cancelled(project: ProjectFolder) -> None:
    """Remove what cancelled rounds left. The caller holds the worker's lock."""
    with project.database.read() as session:
        folders = [project.round_folder(number) for number in cancelled_rounds(session)]
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)  # the next worker tries again


class _Reporter:
    """Writes progress to the database, four times a second at most, passes it on, and ends a round that must stop."""

    def __init__(
        self, project: ProjectFolder, number: int, report: Report, stopped: Callable[[], bool]
    ) -> None:
        self._project, self._number, self._report, self._stopped = project, number, report, stopped
        self._last = ("", 0.0)

    def tell(self, stage: str, done: int, total: int, message: str) -> None:
        """Only pass the progress on."""
        self._report(stage, done, total, message)

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        if self._stopped():
            raise StoppedError
        self.tell(stage, done, total, message)
        stage_before, moment = self._last
        if stage != stage_before or time.monotonic() - moment >= REPORT_SECONDS:
            # Not durable: nobody misses it after a power cut, and labellers do not wait for the disk.
            with self._project.database.write(durable=False) as session:
                if not report_progress(session, self._number, stage, done, total, message):
                    raise CancelledError
            self._last = (stage, time.monotonic())


def _run(
    project: ProjectFolder,
    row: Round,
    snapshots: RoundSnapshots,
    report: _Reporter,
    processes: int,
    *,
    at_once: bool,
) -> None:
    folder = project.round_folder(row.id)
    snapshot = folder / "snapshot"
    report("snapshot", 0, 1, "writing the snapshot")
    if not (snapshot / "manifest.json").exists():
        with project.database.write() as session:
            note_labels_seen(session, row.id)
        manifest = snapshots.write(snapshot)
        with project.database.write() as session:
            session.get_one(Round, row.id).labelled = manifest["counts"]["labelled"]
    run = folder / "run"  # written by the trainer: model, checkpoints, predictions
    processes = (row.processes or processes) if row.engine == "cnn" else 1
    if processes > 1:
        arguments = [str(snapshot), "--to", str(run), "--engine", row.engine, "--strategy", row.strategy]
        train_together(folder, [*arguments, "--cache", str(project.cache)], processes, report)
    else:
        _train(project, snapshot, run, row, report, at_once=at_once)
    report("load", 0, 1, "loading the predictions")
    all_known = snapshots.has_all_images(snapshot)
    loaded = load_predictions(project, run / "predictions", row.id, all_known=all_known)
    metrics = PredictionsFile(run / "predictions").manifest["metrics"]
    with project.database.write() as session:
        finished = session.get_one(Round, row.id)
        finished.state, finished.stage, finished.finished_at = JobState.DONE, "load", now()
        finished.done, finished.total, finished.metrics = loaded.rows, loaded.rows, metrics
        finished.message = f"{counted(loaded.rows, 'image', 'images')} predicted" + (
            f", {loaded.unknown} of them unknown here" if loaded.unknown else ""
        )
        if loaded.kept:
            finished.message += f"; earlier predictions still suggest {', '.join(loaded.kept)}"
        if not loaded.ordered:
            finished.message += "; the queue keeps its order, because this round answers fewer attributes"
    report.tell("load", 1, 1, "the predictions are loaded")


def _train(
    project: ProjectFolder, snapshot: Path, run: Path, row: Round, report: _Reporter, *, at_once: bool
) -> None:
    report("features", 0, 1, "loading the trainer")
    # The trainer is imported with the first round and torch with the trainer's first step, so that the worker starts fast.
    from trainer.rounds.round import run_round  # noqa: PLC0415
    from trainer.runtime.errors import ModelError, TrainerError  # noqa: PLC0415

    names: list[str] = []
    if at_once and row.automatic:
        with project.database.read() as session:
            names = images_at_once(session)

    def train(network: Path | None) -> None:
        run_round(
            snapshot,
            run,
            engine=row.engine,
            strategy=row.strategy,
            cache=project.cache,
            network=network,
            at_once=names,
            progress=lambda p: report(p.stage, p.done, p.total, p.message),
        )

    network = choose_features(project, row.id)
    try:
        try:
            train(network)
        except ModelError as error:
            if network is None:
                raise
            fall_back_to_frozen(project, row.id, error.what)
            train(None)
    except TrainerError as error:
        raise FacelabelError("training_failed", error.what, error.kept, error.do) from error
    except ModuleNotFoundError as error:
        raise FacelabelError(
            "no_trainer",
            f"Training needs the package {error.name!r}, which is not installed.",
            kept="The labels are unchanged.",
            do="Call `pip install 'facelabel[train]'` and start a new round.",
        ) from error
