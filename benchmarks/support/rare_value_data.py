"""Rare values to search for: those of the development data's faces, or numbers in place of faces."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.replays import RECIPES
from benchmarks.support import view_data
from benchmarks.support.lesson_data import command, export
from benchmarks.support.report import Size
from trainer.cli.group import DEFAULT_CACHE
from trainer.data.snapshot import Snapshot
from trainer.simulate.problem import Problem, read_problem


@dataclass(frozen=True)
class Task:
    """One value to find: the images' embeddings and groups, and which of them have it."""

    name: str
    embeddings: NDArray[np.float32]
    groups: NDArray[np.str_]
    members: NDArray[np.bool_]
    views: dict[str, slice] | None = None

    @property
    def count(self) -> int:
        """The number of members."""
        return int(self.members.sum())


def real_tasks(folder: Path, size: Size) -> Iterator[Task]:
    """CelebA's values that at most one face in twenty has; with --full, the rarer ones of the portraits too."""
    yield from tasks_of(celeba_rare(folder / "celeba"), "", 0.05)
    if size == "full":
        yield from tasks_of(view_data.skin().snapshot(folder / "skin"), "skin: ", 0.15)


def celeba_rare(folder: Path) -> Snapshot:
    """The snapshot of the recorded simulation `simulate-celeba-rare`."""
    from annotator.cli import main as facelabel

    recipe, project = RECIPES["simulate-celeba-rare"], folder / "project"
    command(facelabel, "init", "--schema", recipe.schema, "-p", project)
    for sources in recipe.imports:
        command(facelabel, "import", *sources, "-p", project)
    return Snapshot.open(export(project, folder / "snapshot"))


def tasks_of(snapshot: Snapshot, prefix: str, most: float) -> Iterator[Task]:
    """A task for every value of which there is at most this share, and at least five images."""
    problem: Problem = read_problem(snapshot, DEFAULT_CACHE.expanduser(), lambda _: None)
    values = {a.name: [v.name for v in a.values] for a in snapshot.categorical}
    for name, column in problem.labels.items():
        rows = np.flatnonzero(column >= 0)
        for code, value in enumerate(values[name]):
            members = column[rows] == code
            if 5 <= members.sum() <= most * len(rows):
                title = name if value in {"yes", "1"} else f"{name}: {value}"
                yield Task(
                    prefix + title,
                    problem.embeddings[rows],
                    problem.groups[rows],
                    members,
                    problem.views,
                )


def drawn_task() -> Task:
    """Numbers instead of faces, to show that the measurement runs."""
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(600, 16)).astype(np.float32)
    embeddings[:30, 0] += 4
    groups = np.array([str(n // 3) for n in range(600)])
    return Task("drawn", embeddings, groups, np.arange(600) < 30)
