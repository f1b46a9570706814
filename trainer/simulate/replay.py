"""One replay: buy, train, measure on people who are never bought, let the rule choose, buy again."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.acquisition import Pool, rule
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import put_in_order
from trainer.data.snapshot import UNLABELLED
from trainer.evaluation.calibration import class_prior
from trainer.evaluation.metrics import figures
from trainer.probe import linear_heads
from trainer.probe.embeddings import NEAR
from trainer.probe.linear_heads import Head
from trainer.probe.probe import threads_for
from trainer.simulate.oracle import Ledger, Oracle
from trainer.simulate.plan import RANDOM, Plan
from trainer.simulate.problem import Problem, disturb, wrong_answers


@dataclass(frozen=True)
class Measured:
    """A model's figures on the test people after `bought` images; `seconds` to train it and to choose the next."""

    bought: int
    macro: float
    balanced: dict[str, float]
    ece: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Replay:
    """What one rule did with one seed."""

    strategy: str
    seed: int
    full: Measured
    curve: list[Measured]
    ledger: Ledger

    def as_json(self) -> dict[str, Any]:
        """Everything, as it is kept on disk."""
        return asdict(self) | {"ledger": self.ledger.entries}


def replay(problem: Problem, plan: Plan, strategy: str, seed: int) -> Replay:
    """Run one rule with one seed. Nothing but the oracle's sales tells it a label of the pool."""
    test, pool = split_people(problem, plan.share_test, seed)
    rows = disturb(problem, pool, plan.stress, seed)
    wrong = wrong_answers(problem, seed) if plan.stress == "noise" else problem.labels
    sold = {name: column[rows] for name, column in wrong.items()}
    if plan.stress == "missing":
        generator = np.random.default_rng([seed, 13])
        sold = {n: np.where(generator.random(len(c)) < 0.5, c, UNLABELLED) for n, c in sold.items()}
    candidates, measured_on = problem.take(rows), problem.take(test)
    buyer = Buyer(candidates, Oracle(candidates.names, sold, ledger := Ledger()), seed)
    buyer.buy(np.random.default_rng([seed, 3]).permutation(len(rows))[: plan.start], "start")
    curve = []
    for budget in (*plan.purchases(strategy), 0):
        started = time.perf_counter()
        model = fit_heads(buyer.points, buyer.answers, buyer.groups, problem.classes, seed)
        following = buyer.choose(model, strategy, max(0, budget - buyer.bought))
        seconds = time.perf_counter() - started
        last = not len(following)
        if last or buyer.bought in (plan.start, *plan.budgets):
            curve.append(measure(model, candidates, measured_on, buyer.bought, seconds))
        if last:
            break
        buyer.buy(following, strategy)
    every = fit_heads(candidates.points, sold, candidates.groups, problem.classes, seed)
    return Replay(strategy, seed, measure(every, candidates, measured_on, len(rows), 0.0), curve, ledger)


def split_people(problem: Problem, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that are measured on and those that can be bought: whole groups, drawn by the seed."""
    names = np.unique(problem.groups)
    drawn = np.random.default_rng([seed, 1]).permutation(names)[: max(1, round(share * len(names)))]
    test = np.isin(problem.groups, drawn)
    return np.flatnonzero(test), np.flatnonzero(~test)


class Buyer:
    """What is known so far, and what to buy next.

    Args:
        pool: The images that can be bought; its labels are never looked at.
        oracle: Sells them.
        seed: Of what the rules draw.
    """

    def __init__(self, pool: Problem, oracle: Oracle, seed: int) -> None:
        self._pool, self._oracle, self._seed = pool, oracle, seed
        self._known = {name: np.full(len(pool.names), UNLABELLED) for name in pool.classes}
        self._rows = np.empty(0, np.int64)

    @property
    def bought(self) -> int:
        """Images paid for."""
        return len(self._rows)

    @property
    def points(self) -> NDArray[np.float32]:
        """Of the images bought."""
        return self._pool.points[self._rows]

    @property
    def groups(self) -> NDArray[np.str_]:
        """Of the images bought."""
        return self._pool.groups[self._rows]

    @property
    def answers(self) -> dict[str, NDArray[np.int64]]:
        """Of the images bought."""
        return {name: column[self._rows] for name, column in self._known.items()}

    def buy(self, rows: NDArray[np.int64], why: str) -> None:
        """Pay for images and learn their answers."""
        for name, answers in self._oracle.buy(rows, why).items():
            self._known[name][rows] = answers
        self._rows = np.concatenate([self._rows, rows])

    def choose(self, model: "Heads", strategy: str, count: int) -> NDArray[np.int64]:
        """The next images by a query strategy, as a round would put them in order; `random` is the baseline and has no such shares."""
        labelled = np.zeros(len(self._pool.names), bool)
        labelled[self._rows] = True
        chosen, answers = rule(strategy), model.answer(self._pool.points)
        pool = Pool(
            probabilities=answers,
            cells=dict.fromkeys(answers, ~labelled),
            work=~labelled,
            audit=np.empty(0, np.int64),
            labelled=labelled,
            counts={
                name: groups_by_class(column, self._pool.groups, self._pool.classes[name])
                for name, column in self._known.items()
            },
            groups=self._pool.groups,
            points=self._pool.points[:, :NEAR],
            committee=model.committee(self._pool.points) if "committee" in chosen.needs else None,
            seed=self._seed * 1_000_003 + self.bought,
        )
        order = chosen.arrange(pool) if strategy == RANDOM else put_in_order(chosen, pool)[0]
        return order[:count].astype(np.int64)


class Heads:
    """One head per attribute on principal coordinates."""

    def __init__(self, heads: dict[str, Head], prior: dict[str, NDArray[np.float64]]) -> None:
        self._heads, self.prior = heads, prior

    def answer(self, points: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Attribute → (n, classes) calibrated probabilities; the prior alone where nothing could be learned."""
        x = torch.from_numpy(points)
        answers = {}
        for name, prior in self.prior.items():
            head = self._heads.get(name)
            answers[name] = _repeated(prior, len(points)) if head is None else head.answer(x)
        return answers

    def expected_shares(self, points: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Attribute → (classes,) shares expected among images; the prior where nothing could be learned."""
        answers = self.answer(points)
        return {
            name: self._heads[name].expected_shares(answers[name]) if name in self._heads else prior
            for name, prior in self.prior.items()
        }

    def committee(self, points: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Attribute → (folds, n, classes) probabilities of the heads that each left a fold out."""
        x = torch.from_numpy(points)
        answers = {}
        for name, prior in self.prior.items():
            head = self._heads.get(name)
            answers[name] = _repeated(prior, len(points))[None] if head is None else head.committee(x)
        return answers


def _repeated(prior: NDArray[np.float64], images: int) -> NDArray[np.float32]:
    return np.broadcast_to(prior, (images, len(prior))).astype(np.float32)


def fit_heads(
    points: NDArray[np.float32],
    labels: dict[str, NDArray[np.int64]],
    groups: NDArray[np.str_],
    classes: dict[str, int],
    seed: int,
) -> Heads:
    """Train a head for every attribute of which an answer is known."""
    prior = {name: class_prior(column, classes[name]) for name, column in labels.items()}
    with threads_for(len(points)):
        heads = linear_heads.fit_heads(torch.from_numpy(points), labels, groups, classes, seed)
    return Heads(heads, prior)


def measure(model: Heads, pool: Problem, test: Problem, bought: int, seconds: float) -> Measured:
    """The figures on the test people; an attribute of which they show one class only has none."""
    balanced, ece, shares = {}, {}, model.expected_shares(pool.points)
    for name, p in model.answer(test.points).items():
        known = test.labels[name] >= 0
        codes = list(range(test.classes[name]))
        found = figures(p[known], test.labels[name][known], shares[name], codes, groups=0)
        if found["balanced_accuracy"] is not None:
            balanced[name], ece[name] = found["balanced_accuracy"], found["ece"]
    return Measured(bought, float(np.mean(list(balanced.values()))), balanced, ece, seconds)
