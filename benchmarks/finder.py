"""The search for one rare value: images looked at until 95 % of its members are labelled, and whether its interval covers.

Replays on faces whose labels are known. Every strategy begins with the same 100 labelled images, 3 of them members, and learns
anew whenever its labels have grown by a third. `finder` shows pages of 24 by the product's own functions; `likeness` is the same
without a model, by nearness to the members; `balanced` is the default order of work, asked about this attribute alone; `balanced, all
asked` the same in a project with all these attributes (one seed); `random` is computed. The interval is looked at on the first page on which the product says that the search may stop, and on all pages.

The priors of the estimate were chosen on other attributes (TUNED_ON). Without the development data, and with --small, there are
no faces but numbers, and the figures mean nothing. The replays are kept in results/finder/raw, so that an interrupted run goes on
where it was.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain import rare_values
from annotator.domain.rare_values import Recall
from benchmarks.support.data import CELEBA
from benchmarks.support.pieces import Pieces
from benchmarks.support.rare_value_data import Task, drawn_task, real_tasks
from benchmarks.support.report import RESULTS, Figures, Size
from trainer.acquisition import Pool, query_strategy
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import order_images
from trainer.data.snapshot import UNLABELLED
from trainer.simulate.replay import fit_heads

TUNED_ON = ("Double_Chin", "Chubby", "Wearing_Necktie", "Eyeglasses", "Receding_Hairline")
START, MEMBERS, PAGE, GROWTH, BATCH = 100, 3, 24, 1 / 3, 24
SEEDS, SEEDS_BALANCED = 25, 3
EVERY = 2
"""The estimate is looked at after every second page, to save time."""
RAW = RESULTS / "finder" / "raw"
SOURCES = [Path(__file__), Path(rare_values.__file__)]
"""What a replay follows from, beside the faces and the models."""
LAST = 0.99
"""A replay ends when so many members are labelled, or as soon as 95 % are and the product has said that it may stop."""


@dataclass(frozen=True)
class Page:
    """What was known after a page: images looked at, members among them, and the estimate."""

    looked: int
    found: int
    recall: Recall | None = None


@dataclass(frozen=True)
class Replay:
    """One search."""

    name: str
    strategy: str
    seed: int
    members: int
    pages: list[Page]

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Replay":
        """Read what `asdict` wrote."""
        pages = [
            Page(page["looked"], page["found"], Recall(**page["recall"]) if page["recall"] else None)
            for page in kept["pages"]
        ]
        return cls(**kept | {"pages": pages})

    def looked_until(self, share: float = rare_values.TARGET) -> int:
        """Images looked at until this share of the members is labelled."""
        return next(page.looked for page in self.pages if page.found >= share * self.members)

    @property
    def stop(self) -> Page | None:
        """The first page on which the product says that the search may stop."""
        return next((page for page in self.pages if page.recall and page.recall.is_enough), None)

    def covers(self, page: Page) -> bool:
        """Whether the interval of a page contains the true recall."""
        assert page.recall is not None
        return page.recall.low <= page.found / self.members <= page.recall.high


class Learner:
    """The model's log odds of the value for all images, learned anew when its labels have grown enough."""

    def __init__(self, task: Task, seed: int) -> None:
        self._task, self._seed, self._due = task, seed, 0
        self.number = 0
        self.p = np.empty((0, 2), np.float32)

    def scores(self, labelled: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(images,) log odds."""
        if labelled.sum() >= self._due:
            rows, task = np.flatnonzero(labelled), self._task
            labels = {"value": task.members[rows].astype(np.int64)}
            model = fit_heads(
                task.embeddings[rows], labels, task.groups[rows], {"value": 2}, self._seed, task.views
            )
            self.p = model.answer(task.embeddings)["value"]
            self.number += 1
            self._due = int(labelled.sum() * (1 + GROWTH))
        return rare_values.log_odds(self.p[:, 1])


def likeness(task: Task, labelled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(images,) log odds by nearness to the labelled members, as of the page without predictions."""
    near = task.embeddings[:, :64]
    examples = near[np.flatnonzero(labelled & task.members)][:50]
    distances = np.full(len(near), np.inf)
    for example in examples:
        distances = np.minimum(distances, ((near - example) ** 2).sum(axis=1))
    places = np.empty(len(near), np.int64)
    places[np.argsort(distances, kind="stable")] = np.arange(len(near))
    return rare_values.likeness_log_odds(places, len(examples))


def start_of(task: Task, seed: int) -> NDArray[np.bool_]:
    """Which images are labelled before the search: a few members, and others by lot."""
    random = np.random.default_rng([seed, 3])
    labelled = np.zeros(len(task.members), bool)
    labelled[random.permutation(np.flatnonzero(task.members))[:MEMBERS]] = True
    labelled[random.permutation(np.flatnonzero(~labelled))[: START - MEMBERS]] = True
    return labelled


def find(task: Task, seed: int, *, by_model: bool) -> Replay:
    """Search by the product's own functions."""
    random, labelled, learner = np.random.default_rng([seed, 5]), start_of(task, seed), Learner(task, seed)
    shown: list[tuple[float, bool, int]] = []
    pages = [Page(int(labelled.sum()), int(task.members[labelled].sum()))]
    while pages[-1].found < LAST * task.count:
        scores = learner.scores(labelled) if by_model else likeness(task, labelled)
        rest = np.flatnonzero(~labelled)
        rest = rest[np.argsort(-scores[rest], kind="stable")]
        drawn = round(rare_values.DRAWN_SHARE * PAGE)
        page, others = rest[: PAGE - drawn], rest[PAGE - drawn :]
        if len(others):
            chances = rare_values.inclusion_probabilities(scores[others], drawn)
            page = np.concatenate([page, others[rare_values.draw(chances, random)]])
        shown += [(scores[n], bool(task.members[n]), learner.number) for n in page]
        labelled[page] = True
        found = int(task.members[labelled].sum())
        looked_at = len(pages) % EVERY == 0
        recall = estimate(shown, learner.number, scores[~labelled], found) if looked_at else None
        pages.append(Page(int(labelled.sum()), found, recall))
        done = pages[-1].found >= rare_values.TARGET * task.count
        if done and any(page.recall and page.recall.is_enough for page in pages):
            break
    return Replay(task.name, "finder" if by_model else "likeness", seed, task.count, pages)


def estimate(
    shown: list[tuple[float, bool, int]], model: int, rest: NDArray[np.float64], found: int
) -> Recall:
    """The product's estimate after some pages.

    Args:
        shown: of each image that the search showed, its score, whether it is a member, and the number of the model.
        model: the number of the model that scores the rest.
        rest: the scores of the images that nobody has looked at.
        found: the number of labelled members.
    """
    scores, members, models = (np.array(column) for column in zip(*shown, strict=True))
    recent = rare_values.recent_answers(models, model)
    images = len(shown) + len(rest)
    posterior = rare_values.learn_from_answers(scores[recent], members[recent], found=found, images=images)
    return rare_values.estimate_recall(posterior, rest, found)


def ask(task: Task, seed: int) -> Replay:
    """Label in the default order of work."""
    labelled, learner = start_of(task, seed), Learner(task, seed)
    pages = [Page(int(labelled.sum()), int(task.members[labelled].sum()))]
    while pages[-1].found < rare_values.TARGET * task.count:
        learner.scores(labelled)
        labelled[next_balanced([task], {task.name: learner}, labelled, seed)] = True
        pages.append(Page(int(labelled.sum()), int(task.members[labelled].sum())))
    return Replay(task.name, "balanced", seed, task.count, pages)


def ask_all(tasks: Sequence[Task], seed: int) -> list[Replay]:
    """Label all attributes of the images in the default order of work, as a project that has all of them does."""
    labelled = np.zeros(len(tasks[0].members), bool)
    random = np.random.default_rng([seed, 3])
    for task in tasks:
        labelled[random.permutation(np.flatnonzero(task.members))[:MEMBERS]] = True
    labelled[random.permutation(np.flatnonzero(~labelled))[: START - labelled.sum()]] = True
    learners = {task.name: Learner(task, seed) for task in tasks}
    pages: dict[str, list[Page]] = {task.name: [] for task in tasks}
    while True:
        for task in tasks:
            pages[task.name].append(Page(int(labelled.sum()), int(task.members[labelled].sum())))
        if all(pages[task.name][-1].found >= rare_values.TARGET * task.count for task in tasks):
            return [Replay(t.name, "balanced, all asked", seed, t.count, pages[t.name]) for t in tasks]
        for learner in learners.values():
            learner.scores(labelled)
        labelled[next_balanced(tasks, learners, labelled, seed)] = True


def next_balanced(
    tasks: Sequence[Task], learners: dict[str, Learner], labelled: NDArray[np.bool_], seed: int
) -> NDArray[np.int64]:
    """The next images of the default order of work."""
    known = {t.name: np.where(labelled, t.members, UNLABELLED).astype(np.int64) for t in tasks}
    pool = Pool(
        probabilities={t.name: learners[t.name].p for t in tasks},
        cells={t.name: ~labelled for t in tasks},
        work=~labelled,
        audit=np.empty(0, np.int64),
        labelled=labelled,
        labels=known,
        counts={t.name: groups_by_class(known[t.name], t.groups, 2) for t in tasks},
        groups=tasks[0].groups,
        embeddings=tasks[0].embeddings[:, :64],
        committee=None,
        dropout=None,
        seed=seed * 1_000_003 + int(labelled.sum()),
    )
    return order_images(query_strategy("balanced"), pool)[0][:BATCH]


Job = tuple[Sequence[Task], str, int]
"""The values that are searched for at once, the strategy, and the seed."""


def run(job: Job, pieces: Pieces) -> list[Replay]:
    """The replays of a job, or those that are kept of it."""
    tasks, strategy, seed = job
    name = f"{'+'.join(task.name for task in tasks)} {strategy} {seed}"
    kept = pieces.result(name, lambda: [asdict(replay) for replay in _replays(*job)])
    return [Replay.from_json(one) for one in kept]


def _replays(tasks: Sequence[Task], strategy: str, seed: int) -> list[Replay]:
    if strategy == "balanced, all asked":
        return ask_all(tasks, seed)
    if strategy == "balanced":
        return [ask(tasks[0], seed)]
    return [find(tasks[0], seed, by_model=strategy == "finder")]


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        if size == "small" or not CELEBA.is_dir():
            tasks, pieces = [drawn_task()], Pieces(Path(name) / "pieces")
            return tables(tasks, [one for job in jobs(tasks, 2, 1) for one in run(job, pieces)])
        tasks, pieces = list(real_tasks(Path(name), size)), Pieces(RAW, SOURCES)
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(os.cpu_count(), context) as processes:
            found = processes.map(run, jobs(tasks, SEEDS, SEEDS_BALANCED), repeat(pieces))
            return tables(tasks, [replay for replays in found for replay in replays])


def jobs(tasks: Sequence[Task], seeds: int, balanced: int) -> list[Job]:
    """All jobs, the longest ones first."""
    found: list[Job] = [(alike, "balanced, all asked", 0) for alike in _of_same_images(tasks)]
    found += [([t], s, n) for n in range(balanced) for t in tasks for s in ("balanced", "likeness")]
    return found + [([t], "finder", n) for n in range(seeds) for t in tasks]


def _of_same_images(tasks: Sequence[Task]) -> list[list[Task]]:
    """The values of the same images together."""
    prefixes = {task.name.rpartition(": ")[0] for task in tasks}
    return [[t for t in tasks if t.name.rpartition(": ")[0] == one] for one in sorted(prefixes)]


def tables(tasks: Sequence[Task], replays: Sequence[Replay]) -> Figures:
    """What the replays show, by value."""
    of = partial(_chosen, replays)
    return {
        "images looked at until 95 % are found": [effort(task, of(task.name)) for task in tasks],
        "95 % intervals of the recall": [
            row
            for strategy in ("finder", "likeness")
            for name in (*(task.name for task in tasks), "all")
            if (row := coverage(name, of(name if name != "all" else None), strategy))["replays"]
        ],
    }


def _chosen(replays: Sequence[Replay], name: str | None) -> list[Replay]:
    return [replay for replay in replays if name in {None, replay.name}]


def effort(task: Task, replays: Sequence[Replay]) -> dict[str, Any]:
    """A row per value: medians over the seeds."""
    looked = {
        s: _median([r.looked_until() for r in replays if r.strategy == s])
        for s in ("finder", "likeness", "balanced", "balanced, all asked")
    }
    finder = looked["finder"] or float("nan")
    rest = len(task.members) - START
    return {
        "value": task.name,
        "images": len(task.members),
        "members": task.count,
        **looked,
        "random": (random := round(START + rare_values.TARGET * rest)),
        **{
            f"{other} / finder": round(by / finder, 2)
            for other, by in (looked | {"random": random}).items()
            if by is not None and other != "finder"
        },
    }


def coverage(name: str, replays: Sequence[Replay], strategy: str) -> dict[str, Any]:
    """A row: the interval where the search may stop, and on all pages."""
    of = [replay for replay in replays if replay.strategy == strategy]
    stops = [(replay, replay.stop) for replay in of]
    pages = [(replay, page) for replay in of for page in replay.pages if page.recall]
    stopped = [(replay, page) for replay, page in stops if page is not None]
    widths = [page.recall.high - page.recall.low for _, page in stopped if page.recall]
    return {
        "strategy": strategy,
        "value": name,
        "replays": len(of),
        "stops": len(stopped),
        "looked at": _median([page.looked for _, page in stopped]),
        "true recall": _median([page.found / replay.members for replay, page in stopped]),
        "width": _median(widths),
        "covered at the stop": _mean([replay.covers(page) for replay, page in stopped]),
        "covered on all pages": _mean([replay.covers(page) for replay, page in pages]),
    }


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 3) if values else None


def _mean(values: Sequence[bool]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None
