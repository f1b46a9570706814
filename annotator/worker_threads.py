"""The threads of the worker: what must go on while it runs an import or a round, which may take hours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from annotator.project import ProjectFolder
from annotator.services.annotation.take_back_batches import run_take_backs
from annotator.services.certificates.batches import run_certificates
from annotator.services.certificates.plan import plans_statistics
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.grouping.listing import LEAKS
from annotator.services.insights.throughput import OPEN_CELLS
from annotator.services.rounds.status import COUNTS
from annotator.services.tasks.anchoring import ANCHORING
from annotator.services.tasks.overlap import LabellerEstimates
from annotator.services.team.class_balance import DISTRIBUTIONS
from annotator.services.team.metrics import TEAM

STATISTICS = (COUNTS, DISTRIBUTIONS, OPEN_CELLS, TEAM, ANCHORING, LEAKS)
"""The statistics that the worker computes for the pages of a large project."""
STATISTICS_SECONDS = 2.0
"""How often the worker checks whether statistics are out of date."""
_log = logging.getLogger("facelabel")


def start_threads(project: ProjectFolder, ended: Event) -> list[Thread]:
    """Start the threads; they end soon after `ended` is set, or with the process: the tables say how far each of them is."""
    plans = (plans_statistics(project),)  # in a separate thread: of a million images they take minutes
    threads = [
        Thread(
            target=_repeat, args=(StatisticsCounter(project, STATISTICS).run_step, ended), name="statistics"
        ),
        Thread(target=_repeat, args=(StatisticsCounter(project, plans).run_step, ended), name="plans"),
        Thread(target=_repeat, args=(LabellerEstimates(project).run_step, ended), name="labellers"),
        Thread(target=run_take_backs, args=(project, ended), name="take-backs"),
        Thread(target=run_certificates, args=(project, ended), name="certificates"),
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    return threads


def _repeat(run_step: Callable[[], object], ended: Event) -> None:
    """Run a step again and again until the event is set."""
    while not ended.wait(STATISTICS_SECONDS):
        try:
            run_step()
        except Exception:  # noqa: BLE001 - whatever happened, the pages keep the last statistics
            _log.exception("statistics could not be computed; the worker tries again")
