"""One replay: buy labels, train, measure on test groups, let the query strategy choose the next images, buy again."""

import functools
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.acquisition import Pool, query_strategy
from trainer.acquisition.fillable import fillable
from trainer.acquisition.pace import DEFAULT_PACE, Pace
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import order_images
from trainer.data.snapshot import UNLABELLED
from trainer.evaluation.calibration import class_prior
from trainer.evaluation.metrics import attribute_metrics
from trainer.probe import linear_heads
from trainer.probe.embeddings import NEAR
from trainer.probe.linear_heads import DROPOUT_DRAWS, Head, dropped
from trainer.probe.probe import threads_for
from trainer.simulate.oracle import Ledger, Oracle
from trainer.simulate.plan import RANDOM, Plan
from trainer.simulate.problem import Problem, disturb, wrong_answers


@dataclass(frozen=True)
class Measured:
    """Metrics of a model after some images were bought.

    Attributes:
        bought: Number of images.
        macro: Mean over attributes of the balanced accuracy on the test groups.
        balanced: Attribute → balanced accuracy on the test groups.
        ece: Attribute → calibration error on the test groups.
        seconds: Seconds of the processor, to train the model and to choose the next images.
        person_seconds: Seconds of the person for the images bought so far.
        fillable: Attribute → share of its cells in the pool that were not bought and that the model may fill: the largest
            set of its most confident answers that meets the target of certified filling by the true labels.
        rest_seconds: Seconds of the person for the images in which a cell is neither bought nor fillable.
    """

    bought: int
    macro: float
    balanced: dict[str, float]
    ece: dict[str, float]
    seconds: float
    person_seconds: float
    fillable: dict[str, float]
    rest_seconds: float


@dataclass(frozen=True)
class Replay:
    """The result of one strategy with one seed; `full` is a model of all labels of the pool."""

    strategy: str
    seed: int
    full: Measured
    curve: list[Measured]
    ledger: Ledger

    def as_json(self) -> dict[str, Any]:
        """Return the replay as it is written to disk."""
        return asdict(self) | {"ledger": self.ledger.entries}


def replay(problem: Problem, plan: Plan, strategy: str, seed: int) -> Replay:
    """Run one strategy with one seed. It learns the labels of the pool from the oracle's sales only."""
    sale = of_seed(problem, plan, seed)
    images = len(sale.pool.names)
    buyer = Buyer(sale.pool, Oracle(sale.pool.names, sale.labels, ledger := Ledger()), seed, plan.pace)
    buyer.buy(np.random.default_rng([seed, 3]).permutation(images)[: plan.start], "start")
    curve = []
    for budget in (*plan.purchases(strategy), 0):
        started = time.perf_counter()
        model = fit_heads(buyer.embeddings, buyer.answers, buyer.groups, problem.classes, seed, problem.views)
        following = buyer.choose(model, strategy, max(0, budget - buyer.bought))
        seconds = time.perf_counter() - started
        last = not len(following)
        if last or buyer.bought in (plan.start, *plan.budgets):
            curve.append(measure(model, buyer, sale.test, seconds))
        if last:
            break
        buyer.buy(following, strategy)
    full = replace(measure(sale.model, buyer, sale.test, 0.0), bought=images)
    return Replay(strategy, seed, full, curve, ledger)


@dataclass(frozen=True, eq=False)
class Sale:
    """What all strategies share that are replayed with one seed.

    Attributes:
        pool: The images that can be bought.
        labels: Their labels as the oracle sells them.
        test: The images on which models are measured.
        model: Has learned from all labels of the pool.
    """

    pool: Problem
    labels: dict[str, NDArray[np.int64]]
    test: Problem
    model: "Heads"


@functools.lru_cache(maxsize=1)
def of_seed(problem: Problem, plan: Plan, seed: int) -> Sale:
    """Divide the images into pool and test, disturb the pool, and train on all of it."""
    test, pool = split_people(problem, plan.share_test, seed)
    rows = disturb(problem, pool, plan.stress, seed)
    wrong = wrong_answers(problem, seed) if plan.stress == "noise" else problem.labels
    sold = {name: column[rows] for name, column in wrong.items()}
    if plan.stress == "missing":
        generator = np.random.default_rng([seed, 13])
        sold = {n: np.where(generator.random(len(c)) < 0.5, c, UNLABELLED) for n, c in sold.items()}
    candidates = problem.take(rows)
    every = fit_heads(candidates.embeddings, sold, candidates.groups, problem.classes, seed, problem.views)
    return Sale(candidates, sold, problem.take(test), every)


def split_people(problem: Problem, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the test rows and the rows that can be bought: whole groups, drawn by the seed."""
    names = np.unique(problem.groups)
    drawn = np.random.default_rng([seed, 1]).permutation(names)[: max(1, round(share * len(names)))]
    test = np.isin(problem.groups, drawn)
    return np.flatnonzero(test), np.flatnonzero(~test)


class Buyer:
    """Holds the labels bought so far, and chooses what to buy next.

    Args:
        pool: The images that can be bought; its labels are never read.
        oracle: Sells the labels.
        seed: Seed of the strategies' random draws.
        pace: What answers cost.

    Attributes:
        pool: The images that can be bought.
        pace: What answers cost.
        seconds: Seconds of the person for what was bought. A label costs a confirmation if the last model that chose
            images suggested it, and an answer otherwise.
    """

    def __init__(self, pool: Problem, oracle: Oracle, seed: int, pace: Pace = DEFAULT_PACE) -> None:
        self.pool, self.pace, self.seconds = pool, pace, 0.0
        self._oracle, self._seed = oracle, seed
        self._labels = {name: np.full(len(pool.names), UNLABELLED) for name in pool.classes}
        self._rows = np.empty(0, np.int64)
        self._suggested: dict[str, NDArray[np.int64]] = {}

    @property
    def bought(self) -> int:
        """Number of images paid for."""
        return len(self._rows)

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """(bought, q) embeddings of the bought images."""
        return self.pool.embeddings[self._rows]

    @property
    def groups(self) -> NDArray[np.str_]:
        """(bought,) group names of the bought images."""
        return self.pool.groups[self._rows]

    @property
    def answers(self) -> dict[str, NDArray[np.int64]]:
        """Attribute → (bought,) class indices of the bought images."""
        return {name: column[self._rows] for name, column in self._labels.items()}

    @property
    def left(self) -> NDArray[np.bool_]:
        """(n,) whether an image of the pool was not bought."""
        left = np.ones(len(self.pool.names), bool)
        left[self._rows] = False
        return left

    def buy(self, rows: NDArray[np.int64], why: str) -> None:
        """Pay for images and learn their labels."""
        self.seconds += self.pace.image * len(rows)
        for name, answers in self._oracle.buy(rows, why).items():
            self._labels[name][rows] = answers
            right = np.zeros(len(rows))
            if name in self._suggested:
                right = (self._suggested[name][rows] == answers) * 1.0
            self.seconds += float(self.pace.of_cells(right)[answers != UNLABELLED].sum())
        self._rows = np.concatenate([self._rows, rows])

    def choose(self, model: "Heads", strategy: str, count: int) -> NDArray[np.int64]:
        """Return the next images by a query strategy, ordered as in a round; the baseline `random` has its plain order."""
        labelled = ~self.left
        chosen, answers = query_strategy(strategy), model.answer(self.pool.embeddings)
        self._suggested = {name: p.argmax(axis=1) for name, p in answers.items()}
        seed = self._seed * 1_000_003 + self.bought
        pool = Pool(
            probabilities=answers,
            cells=dict.fromkeys(answers, ~labelled),
            work=~labelled,
            audit=np.empty(0, np.int64),
            labelled=labelled,
            labels=self._labels,
            counts={
                name: groups_by_class(column, self.pool.groups, self.pool.classes[name])
                for name, column in self._labels.items()
            },
            groups=self.pool.groups,
            embeddings=self.pool.embeddings[:, :NEAR],
            committee=model.committee(self.pool.embeddings) if "committee" in chosen.needs else None,
            dropout=model.dropout(self.pool.embeddings, seed) if "dropout" in chosen.needs else None,
            seed=seed,
            pace=self.pace,
        )
        order = chosen.arrange(pool) if strategy == RANDOM else order_images(chosen, pool)[0]
        return order[:count].astype(np.int64)


class Heads:
    """One head per attribute on embeddings.

    Args:
        heads: Attribute → head; an attribute without labels has none.
        prior: Attribute → (classes,) class prior.
    """

    def __init__(self, heads: dict[str, Head], prior: dict[str, NDArray[np.float64]]) -> None:
        self._heads, self.prior = heads, prior

    def answer(self, embeddings: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (n, classes) calibrated probabilities; the class prior for an attribute without a head."""
        x = torch.from_numpy(embeddings)
        answers = {}
        for name, prior in self.prior.items():
            head = self._heads.get(name)
            answers[name] = _repeated(prior, len(embeddings)) if head is None else head.answer(x)
        return answers

    def expected_priors(self, embeddings: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Return attribute → (classes,) class prior expected among images."""
        answers = self.answer(embeddings)
        return {
            name: self._heads[name].expected_prior(answers[name]) if name in self._heads else prior
            for name, prior in self.prior.items()
        }

    def committee(self, embeddings: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (folds, n, classes) probabilities of the heads that were each trained without one fold."""
        x = torch.from_numpy(embeddings)
        answers = {}
        for name, prior in self.prior.items():
            head = self._heads.get(name)
            answers[name] = _repeated(prior, len(embeddings))[None] if head is None else head.committee(x)
        return answers

    def dropout(self, embeddings: NDArray[np.float32], seed: int) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (draws, n, classes) probabilities of embeddings of which dropout hides a part."""
        generator = torch.Generator().manual_seed(seed)
        x = torch.from_numpy(embeddings)
        draws = [self.answer(dropped(x, generator).numpy()) for _ in range(DROPOUT_DRAWS)]
        return {name: np.stack([draw[name] for draw in draws]) for name in self.prior}


def _repeated(prior: NDArray[np.float64], images: int) -> NDArray[np.float32]:
    return np.broadcast_to(prior, (images, len(prior))).astype(np.float32)


def fit_heads(
    embeddings: NDArray[np.float32],
    labels: dict[str, NDArray[np.int64]],
    groups: NDArray[np.str_],
    classes: dict[str, int],
    seed: int,
    views: dict[str, slice] | None = None,
) -> Heads:
    """Train a head for every attribute with a label."""
    prior = {name: class_prior(column, classes[name]) for name, column in labels.items()}
    with threads_for(len(embeddings)):
        heads = linear_heads.fit_heads(
            torch.from_numpy(embeddings), labels, groups, classes, seed, views=views
        )
    return Heads(heads, prior)


def measure(model: Heads, buyer: Buyer, test: Problem, seconds: float) -> Measured:
    """Return the metrics of a model; an attribute of which the test groups show only one class has no accuracy."""
    balanced, ece, priors = {}, {}, model.expected_priors(buyer.pool.embeddings)
    for name, p in model.answer(test.embeddings).items():
        labelled = test.labels[name] >= 0
        codes = list(range(test.classes[name]))
        metrics = attribute_metrics(p[labelled], test.labels[name][labelled], priors[name], codes, groups=0)
        if metrics["balanced_accuracy"] is not None:
            balanced[name], ece[name] = metrics["balanced_accuracy"], metrics["ece"]
    macro = float(np.mean(list(balanced.values())))
    shares, rest = measure_rest(model, buyer)
    return Measured(buyer.bought, macro, balanced, ece, seconds, buyer.seconds, shares, rest)


def measure_rest(model: Heads, buyer: Buyer) -> tuple[dict[str, float], float]:
    """Return the `fillable` and the `rest_seconds` of `Measured`, by the true labels."""
    pool, left = buyer.pool, buyer.left
    shares, seconds, unfinished = {}, np.zeros(len(left)), np.zeros(len(left), bool)
    for name, p in model.answer(pool.embeddings).items():
        labels, classes = pool.labels[name], np.arange(pool.classes[name])
        known, rows = labels >= 0, np.flatnonzero(left & (labels >= 0))
        suggested = p[rows].argmax(axis=1)
        wrong = suggested != labels[rows]
        missed = ((labels[rows, None] == classes) & wrong[:, None]) * 1.0
        members = np.bincount(labels[known], minlength=len(classes))
        filled = fillable(p[rows].max(axis=1), missed, int(known.sum()), members)
        shares[name] = float(filled.sum() / max(1, known.sum()))
        asked = rows[~filled]
        seconds[asked] += buyer.pace.of_cells(1.0 - wrong[~filled])
        unfinished[asked] = True
    return shares, float(seconds.sum() + buyer.pace.image * unfinished.sum())
