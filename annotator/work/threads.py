"""The threads of a worker: what must go on while it runs an import or a round, which may take hours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from threading import Event, Thread

from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from annotator.services.annotation.take_back_batches import do_take_backs
from annotator.services.certificates.batches import CertificateWork
from annotator.services.certificates.plan import plans_statistics
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.common.claims import Duty, LostClaimError, Member
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
"""How often a worker checks whether statistics are out of date."""
ANSWERS_SECONDS = 0.5
"""How often it checks whether take-backs or certificates wait."""
FULL_SECONDS = 5.0
"""How long a worker waits when the disk is full."""
_log = logging.getLogger("facelabel")


def start_threads(
    project: ProjectFolder, member: Member, kinds: Collection[str], ended: Event
) -> list[Thread]:
    """Start a thread for each duty of these kinds; another worker may have the duty.

    They end soon after `ended` is set, or with the process: the tables say how far each of them is.

    Args:
        project: the project.
        member: the worker.
        kinds: its kinds of work.
        ended: ends them.
    """
    plans = (plans_statistics(project),)  # in a separate thread: of a million images they take minutes
    steps: dict[str, Callable[[], object]] = {
        "statistics/pages": StatisticsCounter(project, STATISTICS).run_step,
        "statistics/plans": StatisticsCounter(project, plans).run_step,
        "statistics/labellers": LabellerEstimates(project).run_step,
        "answers/take-backs": partial(do_take_backs, project, ended),
        "answers/certificates": partial(CertificateWork(project).run_step, ended),
    }
    threads = []
    for name, step in steps.items():
        kind = name.partition("/")[0]
        if kind in kinds:
            pause = ANSWERS_SECONDS if kind == "answers" else STATISTICS_SECONDS
            arguments = (Duty(member, name), step, ended, pause)
            threads.append(Thread(target=_repeat, args=arguments, name=name, daemon=True))
    for thread in threads:
        thread.start()
    return threads


def _repeat(duty: Duty, step: Callable[[], object], ended: Event, pause: float) -> None:
    """Do the steps of a duty again and again until the event is set."""
    while not ended.wait(pause):
        try:
            with duty.taken() as held:
                if held:
                    step()
        except LostClaimError:
            _log.warning("another worker continues the work on %s: this one was too slow", duty.name)
        except FacelabelError as error:  # such as a full disk
            _log.warning("the work on %s waits: %s", duty.name, str(error).replace("\n", " "))
            ended.wait(FULL_SECONDS)
        except Exception:  # noqa: BLE001 - whatever happened, the pages keep the last statistics, and the tables say how far it is
            _log.exception("the work on %s could not go on; the worker tries again", duty.name)
