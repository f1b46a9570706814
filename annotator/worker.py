"""The worker: runs imports and rounds, one at a time, and looks at new images between them. It and feature_warmup alone meet the trainer.

The rounds' table is the queue. A lock on a file says who works: it is gone with its holder, however that ended, so a
round that is marked as running while nobody holds the lock was interrupted. It is begun again with the same snapshot,
and what the trainer had finished is found in its folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

from annotator.config import Settings
from annotator.db import Changes
from annotator.domain.states import JobState
from annotator.errors import FacelabelError, NoRoom
from annotator.feature_warmup import FeaturesAhead
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Round, now
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.common.job_queue import StoppedError, failures_recorded
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.faces.detection import BATCH_SECONDS, FaceSearch
from annotator.services.grouping.duplicate_search import DuplicateSearch
from annotator.services.grouping.listing import LEAKS
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import remove_leftovers
from annotator.services.insights.background import RoundStudy, look_into_rounds, paused, studies_of
from annotator.services.insights.throughput import OPEN_CELLS
from annotator.services.predictions.active import load_predictions
from annotator.services.rounds.feature_choice import choose_features, give_features_up, network_folder
from annotator.services.rounds.jobs import (
    claim_round,
    fail_round,
    note_labels_seen,
    release_round,
    report_progress,
    round_is_due,
    start_due_round,
)
from annotator.services.rounds.status import COUNTS
from annotator.services.team.class_balance import DISTRIBUTIONS
from annotator.services.team.metrics import TEAM
from annotator.services.team.relabel_scheduler import AskingAgain

POLL_SECONDS = 0.1
"""How often it looks whether anything was committed; 16 people who never pause cost a tenth of a core."""
IDLE_SECONDS = 1.0
"""After how long it looks at everything even so."""
FULL_SECONDS = 5.0
"""How long it waits when the disk is full."""
REPORT_SECONDS = 0.25
FIGURES = (COUNTS, DISTRIBUTIONS, OPEN_CELLS, TEAM, LEAKS)
"""What is counted for the pages of a large project."""
FIGURE_SECONDS = 2.0
"""How often the worker looks whether figures want to be counted."""
NICENESS = 10
"""Of the worker's process and those it starts: whoever labels goes first."""

_log = logging.getLogger("facelabel")

Report = Callable[[str, int, int, str], None]
"""Called with stage, done, total and a message."""


def run_worker(project: ProjectFolder, settings: Settings, stop: Event, parent: int | None = None) -> None:
    """Run imports and rounds as they are queued until `stop` is set, or until the process `parent` that started this one is gone."""

    def stopped() -> bool:
        return stop.is_set() or (parent is not None and os.getppid() != parent)

    search = FaceSearch(project)
    background, snapshots = _background(project, settings, search), RoundSnapshots(project)
    studies, asking = studies_of(project), AskingAgain(project)
    remove_leftovers(project)
    ended, changes = Event(), Changes(project.database)
    counting = Thread(target=_count_figures, args=(project, ended), name="figures", daemon=True)
    counting.start()
    try:
        while not stopped():
            try:
                busy = _work(project, settings, stopped, background, snapshots, studies)
                if not busy:
                    look_into_rounds(studies)
                    asking.look()
            except NoRoom as error:
                # Not even that can be written down. What was begun goes on when there is room.
                _log.error("%s", str(error).replace("\n", " "))
                stop.wait(FULL_SECONDS)
                continue
            if not busy:
                _wait_for_changes(changes, stop)
    finally:
        ended.set()
        changes.close()
        search.close()
        for study in studies:
            study.close()
        counting.join(1)  # it only reads: nothing is lost if it ends with the process


def _wait_for_changes(changes: Changes, stop: Event) -> None:
    until = time.monotonic() + IDLE_SECONDS
    while not stop.wait(POLL_SECONDS) and not changes.any() and time.monotonic() < until:
        pass


def _count_figures(project: ProjectFolder, ended: Event) -> None:
    """Count what the pages of a large project show, beside imports and rounds: these may take hours."""
    count = StatisticsCounter(project, FIGURES)
    while not ended.wait(FIGURE_SECONDS):
        try:
            count.run_step()
        except Exception:  # noqa: BLE001 - whatever it was, the pages go on with what was counted last
            _log.exception("the figures could not be counted; they are tried again")


def _work(
    project: ProjectFolder,
    settings: Settings,
    stopped: Callable[[], bool],
    background: deque[Callable[[], bool]],
    snapshots: RoundSnapshots,
    studies: Sequence[RoundStudy],
) -> bool:
    """Do the next thing that is due; returns whether there was any. What somebody waits for goes first, the rest takes turns."""
    with worker_lock(project) as held:
        if held and run_next_import(project, settings, stopped):
            return True
    start_round_if_due(project, settings.round_every)
    if run_next_round(project, settings, snapshots, stopped=stopped, studies=studies):
        return True
    for step in tuple(background):
        background.rotate(-1)
        if step():
            return True
    return False


def _background(project: ProjectFolder, settings: Settings, search: FaceSearch) -> deque[Callable[[], bool]]:
    """What is done for new images when nothing else is due, about a second at a time."""
    steps: deque[Callable[[], bool]] = deque()
    if settings.round_every:
        ahead = FeaturesAhead(project)
        steps.append(lambda: _if_alone(project, ahead.run_step))
    if settings.faces:
        steps.append(lambda: bool(search.run_batch_if_free(BATCH_SECONDS)))
    steps.append(DuplicateSearch(project).run_step)
    return steps


def _if_alone(project: ProjectFolder, step: Callable[[], bool]) -> bool:
    """Do something that a second worker would only do once more."""
    with worker_lock(project) as held:
        return held and step()


def start_round_if_due(project: ProjectFolder, every: int) -> bool:
    """Queue a round if enough was labelled since the last one and the trainer is installed; returns whether it did."""
    with project.database.read() as session:
        if not round_is_due(session, every):
            return False
    if find_spec("torch") is None:
        return False
    with project.database.write() as session:
        return start_due_round(session, every) is not None


def run_next_round(
    project: ProjectFolder,
    settings: Settings,
    snapshots: RoundSnapshots,
    report: Report = lambda *_: None,
    stopped: Callable[[], bool] = lambda: False,
    studies: Sequence[RoundStudy] = (),
) -> bool:
    """Run the oldest unfinished round, if there is one and nobody else is at it. Returns whether it did.

    While a probe round runs the studies rest. When `stopped` says so it ends between two steps; the next worker goes on
    with the round.
    """
    with worker_lock(project) as held:
        if not held:
            return False
        with project.database.write() as session:
            row = claim_round(session, settings.round_attempts)
        if row is None:
            return False

        def give_back() -> None:
            with project.database.write() as session:
                release_round(session, row.id)

        def fail(error: str) -> None:
            snapshots.forget()  # whatever is wrong with it, the next round does not go on with it
            with project.database.write() as session:
                fail_round(session, row.id, error)

        log = project.round_folder(row.id) / "error.log"
        resting = studies if row.engine == "probe" else ()  # the others take as long as a study, or longer
        with (
            paused(resting),
            failures_recorded(project.path, log, "The labels are unchanged.", give_back, fail),
        ):
            _run(project, row, snapshots, _Reporter(project, row.id, report, stopped))
        return True


@contextmanager
def worker_lock(project: ProjectFolder) -> Iterator[bool]:
    """Try to become the one that runs rounds; says whether that worked."""
    with (project.path / "worker.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


class _Reporter:
    """Writes progress to the database, a few times a second at most, and passes it on; ends a round that must stop."""

    def __init__(
        self, project: ProjectFolder, number: int, report: Report, stopped: Callable[[], bool]
    ) -> None:
        self._project, self._number, self._report, self._stopped = project, number, report, stopped
        self._last = ("", 0.0)

    def __call__(self, stage: str, done: int, total: int, message: str) -> None:
        if self._stopped():
            raise StoppedError
        self._report(stage, done, total, message)
        stage_before, moment = self._last
        if stage != stage_before or time.monotonic() - moment >= REPORT_SECONDS:
            # Nobody misses it after a power cut, and whoever labels does not wait for the disk.
            with self._project.database.write(durable=False) as session:
                report_progress(session, self._number, stage, done, total, message)
            self._last = (stage, time.monotonic())


def _run(project: ProjectFolder, row: Round, snapshots: RoundSnapshots, report: _Reporter) -> None:
    folder = project.round_folder(row.id)
    snapshot = folder / "snapshot"
    report("snapshot", 0, 1, "writing the snapshot")
    if not (snapshot / "manifest.json").exists():
        with project.database.write() as session:
            note_labels_seen(session, row.id)
        manifest = snapshots.write(snapshot)
        with project.database.write() as session:
            session.get_one(Round, row.id).labelled = manifest["counts"]["labelled"]
    run = folder / "run"  # the trainer's own: model, checkpoints, predictions
    _train(project, snapshot, run, row, report)
    report("load", 0, 1, "loading the predictions")
    same = snapshots.has_all_images(snapshot)
    loaded = load_predictions(project, run / "predictions", row.id, all_known=same)
    metrics = PredictionsFile(run / "predictions").manifest["metrics"]
    with project.database.write() as session:
        finished = session.get_one(Round, row.id)
        finished.state, finished.stage, finished.finished_at = JobState.DONE, "load", now()
        finished.done, finished.total, finished.metrics = loaded.rows, loaded.rows, metrics
        finished.message = f"{loaded.rows} images predicted" + (
            f", {loaded.unknown} of them unknown here" if loaded.unknown else ""
        )
    report("load", 1, 1, "the queue has the new order")


def _train(project: ProjectFolder, snapshot: Path, run: Path, row: Round, report: _Reporter) -> None:
    report("features", 0, 1, "loading the trainer")
    # The trainer is loaded with the first round, not with the worker; torch with the trainer's first step.
    from trainer.rounds.round import run_round  # noqa: PLC0415
    from trainer.runtime.errors import ModelError, TrainerError  # noqa: PLC0415

    def train(network: int | None) -> None:
        run_round(
            snapshot,
            run,
            engine=row.engine,
            strategy=row.strategy,
            cache=project.cache,
            network=None if network is None else network_folder(project, network),
            progress=lambda p: report(p.stage, p.done, p.total, p.message),
        )

    network = choose_features(project, row.id)
    try:
        try:
            train(network)
        except ModelError as error:
            if network is None:
                raise
            give_features_up(project, row.id, network, error.what)
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
