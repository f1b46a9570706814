"""What the worker does between imports and rounds, a step at a time: new images are prepared, and old rounds pruned."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from annotator.config import Settings
from annotator.feature_warmup import AddedNetworksWarmup, FeatureWarmup
from annotator.project import ProjectFolder
from annotator.services.common.job_queue import worker_lock
from annotator.services.faces.detection import BATCH_SECONDS, FaceSearch
from annotator.services.grouping.duplicate_search import DuplicateSearch
from annotator.services.rounds.pruning import RoundPruning

Steps = deque[Callable[[], bool]]
"""Each step takes about a second, and returns whether there was anything to do."""


def background_steps(
    project: ProjectFolder, settings: Settings, search: FaceSearch, warmup: FeatureWarmup
) -> Steps:
    """Return the steps in their order."""
    steps: Steps = deque()
    if settings.round_every:
        steps.append(lambda: _if_alone(project, warmup.run_step))
    added = AddedNetworksWarmup(project, faces=settings.faces)
    steps.append(lambda: _if_alone(project, added.run_step))
    if settings.faces:
        steps.append(lambda: bool(search.run_batch_if_free(BATCH_SECONDS)))
    steps.append(DuplicateSearch(project).run_step)
    steps.append(RoundPruning(project, settings.rounds_kept).run_step)
    return steps


def run_next_step(steps: Steps) -> bool:
    """Run the first step that has anything to do, and let the others come before it the next time; return whether one had."""
    for step in tuple(steps):
        steps.rotate(-1)
        if step():
            return True
    return False


def _if_alone(project: ProjectFolder, step: Callable[[], bool]) -> bool:
    """Run a step unless another worker is running, which would do the same work twice."""
    with worker_lock(project) as held:
        return held and step()
