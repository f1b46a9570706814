"""One replay: buy labels, train, measure on test groups, let the query strategy choose the next images, buy again."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.acquisition import Pool, query_strategy
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import order_images
from trainer.data.snapshot import UNLABELLED
from trainer.evaluation.calibration import class_prior
from trainer.evaluation.metrics import attribute_metrics
from trainer.probe import linear_heads
from trainer.probe.embeddings import NEAR
from trainer.probe.linear_heads import Head
from trainer.probe.probe import threads_for
from trainer.simulate.oracle import Ledger, Oracle
from trainer.simulate.plan import RANDOM, Plan
from trainer.simulate.problem import Problem, disturb, wrong_answers


@dataclass(frozen=True)
class Measured:
    """Metrics of a model on the test groups after `bought` images; `seconds` to train it and to choose the next images."""

    bought: int
    macro: float
    balanced: dict[str, float]
    ece: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Replay:
    """The result of one strategy with one seed."""

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
    test, pool = split_people(problem, plan.share_test, seed)
    rows = disturb(problem, pool, plan.stress, seed)
    wrong = wrong_answers(problem, seed) if plan.stress == "noise" else problem.labels
    sold = {name: column[rows] for name, column in wrong.items()}
    if plan.stress == "missing":
        generator = np.random.default_rng([seed, 13])
        sold = {n: np.where(generator.random(len(c)) < 0.5, c, UNLABELLED) for n, c in sold.items()}
    candidates, test_images = problem.take(rows), problem.take(test)
    buyer = Buyer(candidates, Oracle(candidates.names, sold, ledger := Ledger()), seed)
    buyer.buy(np.random.default_rng([seed, 3]).permutation(len(rows))[: plan.start], "start")
    curve = []
    for budget in (*plan.purchases(strategy), 0):
        started = time.perf_counter()
        model = fit_heads(buyer.embeddings, buyer.answers, buyer.groups, problem.classes, seed, problem.views)
        following = buyer.choose(model, strategy, max(0, budget - buyer.bought))
        seconds = time.perf_counter() - started
        last = not len(following)
        if last or buyer.bought in (plan.start, *plan.budgets):
            curve.append(measure(model, candidates, test_images, buyer.bought, seconds))
        if last:
            break
        buyer.buy(following, strategy)
    every = fit_heads(candidates.embeddings, sold, candidates.groups, problem.classes, seed, problem.views)
    return Replay(strategy, seed, measure(every, candidates, test_images, len(rows), 0.0), curve, ledger)


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
    """

    def __init__(self, pool: Problem, oracle: Oracle, seed: int) -> None:
        self._pool, self._oracle, self._seed = pool, oracle, seed
        self._labels = {name: np.full(len(pool.names), UNLABELLED) for name in pool.classes}
        self._rows = np.empty(0, np.int64)

    @property
    def bought(self) -> int:
        """Number of images paid for."""
        return len(self._rows)

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """(bought, q) embeddings of the bought images."""
        return self._pool.embeddings[self._rows]

    @property
    def groups(self) -> NDArray[np.str_]:
        """(bought,) group names of the bought images."""
        return self._pool.groups[self._rows]

    @property
    def answers(self) -> dict[str, NDArray[np.int64]]:
        """Attribute → (bought,) class indices of the bought images."""
        return {name: column[self._rows] for name, column in self._labels.items()}

    def buy(self, rows: NDArray[np.int64], why: str) -> None:
        """Pay for images and learn their labels."""
        for name, answers in self._oracle.buy(rows, why).items():
            self._labels[name][rows] = answers
        self._rows = np.concatenate([self._rows, rows])

    def choose(self, model: "Heads", strategy: str, count: int) -> NDArray[np.int64]:
        """Return the next images by a query strategy, ordered as in a round; the baseline `random` has its plain order."""
        labelled = np.zeros(len(self._pool.names), bool)
        labelled[self._rows] = True
        chosen, answers = query_strategy(strategy), model.answer(self._pool.embeddings)
        pool = Pool(
            probabilities=answers,
            cells=dict.fromkeys(answers, ~labelled),
            work=~labelled,
            audit=np.empty(0, np.int64),
            labelled=labelled,
            counts={
                name: groups_by_class(column, self._pool.groups, self._pool.classes[name])
                for name, column in self._labels.items()
            },
            groups=self._pool.groups,
            embeddings=self._pool.embeddings[:, :NEAR],
            committee=model.committee(self._pool.embeddings) if "committee" in chosen.needs else None,
            seed=self._seed * 1_000_003 + self.bought,
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


def measure(model: Heads, pool: Problem, test: Problem, bought: int, seconds: float) -> Measured:
    """Return the metrics on the test groups; an attribute of which they show only one class is left out."""
    balanced, ece, priors = {}, {}, model.expected_priors(pool.embeddings)
    for name, p in model.answer(test.embeddings).items():
        labelled = test.labels[name] >= 0
        codes = list(range(test.classes[name]))
        metrics = attribute_metrics(p[labelled], test.labels[name][labelled], priors[name], codes, groups=0)
        if metrics["balanced_accuracy"] is not None:
            balanced[name], ece[name] = metrics["balanced_accuracy"], metrics["ece"]
    return Measured(bought, float(np.mean(list(balanced.values()))), balanced, ece, seconds)
