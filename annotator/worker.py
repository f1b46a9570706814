"""A worker: it runs imports and rounds, and processes new images between them.

Only this module and feature_warmup import the trainer. The tables of rounds and imports are the queue. Several workers share the
work: what one of them has claimed (services/common/claims), no other does. A round that is marked as running while nobody has
the claim was interrupted. It is started again with the same snapshot, and continues from what the trainer left in its folder.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path
from threading import Event

from annotator.config import Settings
from annotator.database import Changes
from annotator.domain.plurals import counted
from annotator.domain.states import JobState
from annotator.errors import Busy, FacelabelError, NoRoom
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.imaging.trainer_files import fetching_for_trainers, let_trainer_fetch
from annotator.models import Round, now
from annotator.project import ProjectFolder
from annotator.services.common.claims import Held, LostClaimError, claimed, joined
from annotator.services.common.job_queue import (
    KINDS,
    CancelledError,
    StoppedError,
    failures_recorded,
    has_unfinished,
)
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.importing.uploads import expire_uploads, remove_leftovers
from annotator.services.insights.background import BackgroundProcess, paused
from annotator.services.rounds.feature_choice import choose_features, fall_back_to_frozen
from annotator.services.rounds.jobs import (
    cancelled_rounds,
    claim_round,
    fail_round,
    images_at_once,
    note_labels_seen,
    release_round,
    report_progress,
)
from annotator.services.rounds.loading import load_predictions
from annotator.services.rounds.shared_training import train_together
from annotator.services.rounds.work_folder import has_work, remove_work, work_folder
from annotator.work.steps import WorkerSteps
from annotator.work.threads import FULL_SECONDS, start_threads

POLL_SECONDS = 0.1
"""How often the worker checks whether anything was committed; with 16 busy labellers that costs a tenth of a core."""
IDLE_SECONDS = 1.0
"""After how long the worker checks everything although nothing was committed."""
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
    kinds: Collection[str] = tuple(KINDS),
) -> None:
    """Work until the end.

    Args:
        project: the project.
        settings: which work is done between rounds, and when a round starts automatically.
        stop: ends the worker when it is set.
        parent: the id of the process that started this one; the worker ends when that process is gone.
        normal: a thread of normal priority, which runs the round that brings the first suggestions.
        kinds: the kinds of work that it takes, of `job_queue.KINDS`.
    """

    def stopped() -> bool:
        return stop.is_set() or (parent is not None and os.getppid() != parent)

    if "import" in kinds:
        remove_leftovers(project)
        expire_uploads(project)
    ended, changes = Event(), project.database.changes()
    with joined(project, kinds, settings.worker_lost_seconds) as member:
        worker = WorkerSteps(project, settings, stopped, member, kinds, normal, run_next_round)
        threads = start_threads(project, member, kinds, ended)
        try:
            while not stopped():
                try:
                    busy = worker.run_step()
                except LostClaimError as error:
                    _log.warning("another worker continues the work on %s: this one was too slow", error)
                    continue
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
            worker.close()
            for thread in threads:
                thread.join(1)  # what a thread has not finished, the next worker does


def _wait_for_changes(changes: Changes, stop: Event) -> None:
    until = time.monotonic() + IDLE_SECONDS
    while not stop.wait(POLL_SECONDS) and not changes.any() and time.monotonic() < until:
        pass


def run_next_round(
    project: ProjectFolder,
    settings: Settings,
    snapshots: RoundSnapshots,
    report: Report = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
    analyses: Sequence[BackgroundProcess] = (),
    begin: Callable[[], None] = lambda: None,
    analyse: Callable[[], None] = lambda: None,
    *,
    at_once: bool = False,
) -> bool:
    """Run the oldest unfinished round, unless another worker is running one. Returns whether it did.

    Args:
        project: the project.
        settings: how often an interrupted round is attempted.
        snapshots: writes the round's snapshot.
        report: is told the progress.
        stopped: when it returns True, the round stops between two steps, and the next worker continues it.
        analyses: are paused while a round of the engine probe runs.
        begin: is called once a round is claimed.
        analyse: is called at the end of a round of another engine, whose report is not to wait until nothing else is due.
        at_once: an automatic round does not wait for features that are missing (`jobs.images_at_once`).

    Raises:
        LostClaimError: if another worker took this one for lost; it has the round now.
    """
    with project.database.read() as session:
        waits, cancelled = has_unfinished(session, Round), cancelled_rounds(session)
    if not waits and not any(has_work(project, number) for number in cancelled):
        return False
    with claimed(project, "train") as held:
        if held is None:
            return False
        with project.database.write() as session:
            row = claim_round(session, settings.round_attempts)
        if row is None:
            _remove_cancelled(project)
            return False
        begin()
        _run_claimed(
            project,
            row,
            held,
            snapshots,
            _Reporter(project, row.id, report, stopped),
            analyses,
            settings.round_processes,
            at_once=at_once,
        )
        _remove_cancelled(project)
        if row.engine != "probe":
            analyse()
        return True


def _run_claimed(
    project: ProjectFolder, row: Round, held: Held, snapshots: RoundSnapshots, report: _Reporter,
    analyses: Sequence[BackgroundProcess], processes: int, *, at_once: bool,
) -> None:  # fmt: skip
    def give_back() -> None:
        with project.database.write() as session:
            release_round(session, row.id)

    def fail(error: str) -> None:
        error = error.replace(f".{row.id:04d}-{held.token}", f"{row.id:04d}")  # the folder has its name again
        snapshots.forget()  # the next round writes a new one, because this one may be the cause
        with project.database.write() as session:
            fail_round(session, row.id, error)

    log = project.round_folder(row.id) / "error.log"
    resting = analyses if row.engine == "probe" else ()  # rounds of other engines take minutes
    with (
        paused(resting),
        failures_recorded(project.path, log, "The labels are unchanged.", give_back, fail),
    ):
        _run(project, row, held, snapshots, report, processes, at_once=at_once)


def _remove_cancelled(project: ProjectFolder) -> None:
    """Remove what cancelled rounds left. The caller has the claim of rounds."""
    with project.database.read() as session:
        numbers = cancelled_rounds(session)
    for number in numbers:
        remove_work(project, number)


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
    held: Held,
    snapshots: RoundSnapshots,
    report: _Reporter,
    processes: int,
    *,
    at_once: bool,
) -> None:
    folder = project.round_folder(row.id)
    with work_folder(project, row.id, held) as work:
        snapshot = work / "snapshot"
        processes = (row.processes or processes) if row.engine == "cnn" else 1
        report("snapshot", 0, 1, "writing the snapshot")
        if not (snapshot / "manifest.json").exists():
            with project.database.write() as session:
                note_labels_seen(session, row.id)
            manifest = snapshots.write(snapshot)
            with project.database.write() as session:
                session.get_one(Round, row.id).labelled = manifest["counts"]["labelled"]
        run = work / "run"  # written by the trainer: model, checkpoints, predictions
        if processes > 1:
            arguments = [str(snapshot), "--to", str(run), "--engine", row.engine, "--strategy", row.strategy]
            arguments += ["--cache", str(project.cache)]
            with fetching_for_trainers(project.stores) as environment:
                train_together(work, arguments, processes, report, environment)
        else:
            _train(project, snapshot, run, row, report, at_once=at_once)
    snapshots.moved(snapshot, folder / "snapshot")
    report("load", 0, 1, "loading the predictions")
    all_known = snapshots.has_all_images(folder / "snapshot")
    loaded = load_predictions(project, folder / "run" / "predictions", row.id, all_known=all_known)
    metrics = PredictionsFile(folder / "run" / "predictions").manifest["metrics"]
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

    let_trainer_fetch(project.stores)
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
