"""Finding the images with one rare value: which images to draw at random, how many members are missed, when to stop.

A *member* is an image with the value. Most images of a search are the most probable ones; some are drawn at random from all
others with a known probability, so that a member which looks like nothing to the model is met too. Every image has a score, as
log odds, from the moment when it was shown.

The estimate is Bayesian, about a finite population. An image with the score s is a member with the probability
e + (1 - e) / (1 + exp(-(a + b s))): the model's own probability, shifted (a) and sharpened (b) as far as the answers ask for
it, and the chance e of a member that no score tells. Which images were shown depends on their scores and on chance alone, so
the answers' likelihood needs no weights (Rubin, "Inference and missing data", Biometrika 63:581-592, 1976; Little, "To model or
not to model? Competing modes of inference for finite population sampling", JASA 99:546-556, 2004). The members among the
images that nobody has looked at then have a posterior predictive distribution, from which recall follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TARGET = 0.95
"""The recall at which a search may stop."""
DRAWN_SHARE = 0.25
"""The share of a page that is drawn at random."""
ENOUGH = 48
"""Answers from which the estimate learns at least. It learns from those of the newest model alone where there are as many,
because each model is wrong in its own way: the more members are labelled, the more it overrates the rest."""
_BINS, _SINGLE = 64, 32
_WALKERS, _STEPS, _KEPT = 64, 80, 20
_SHIFT, _SHARPNESS = 3.0, 0.8
_HIDDEN, _HIDDEN_SPREAD = 0.02, 1.2
_CERTAIN = 1e-7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recall:
    """How much of a value is found.

    Args:
        found: the number of members that are labelled.
        missed: the members expected among the images that nobody has looked at.
        recall: the share of all members that is found; the median of its distribution.
        low, high: the bounds of its 95 % credible interval.
        next_page: the members expected among the most probable images of the next page.
        images_to_target: how many of the most probable images it takes until the expected recall reaches `TARGET`.
    """

    found: int
    missed: float
    recall: float
    low: float
    high: float
    next_page: float
    images_to_target: int

    @property
    def is_enough(self) -> bool:
        """Whether the search may stop."""
        return self.recall >= TARGET


def log_odds(probabilities: NDArray[np.floating]) -> Floats:
    """The log odds of probabilities, which are kept away from 0 and 1."""
    p = np.clip(np.asarray(probabilities, np.float64), _CERTAIN, 1 - _CERTAIN)
    odds: Floats = np.log(p) - np.log1p(-p)
    return odds


def likeness_log_odds(places: NDArray[np.integer], examples: int) -> Floats:
    """Log odds that fall with the place in the order of likeness: of m examples, the image of place r has the odds m : r + 1.

    Args:
        places: (images,) from 0, the most alike.
        examples: how many images the others were compared with.
    """
    odds: Floats = np.log(examples) - np.log1p(places)
    return odds


def inclusion_probabilities(scores: Floats, count: int) -> Floats:
    """The probability with which each image is drawn into a page.

    Half of the draw is uniform. The other half is proportional to the square root of the model's probability, with which the
    variance of an estimated count is smallest (Neyman, JRSS 97:558-625, 1934).

    Args:
        scores: (images,) log odds.
        count: how many images are drawn.
    """
    if count >= len(scores):
        return np.ones(len(scores))
    weights = np.sqrt(1 / (1 + np.exp(-scores)))
    chances: Floats = count * (0.5 / len(scores) + 0.5 * weights / weights.sum())
    while (chances > 1).any():  # a certain image gives its surplus to the others
        certain = chances >= 1
        left = count - certain.sum()
        chances = np.where(certain, 1.0, chances * left / chances[~certain].sum())
    return chances


def draw(chances: Floats, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw images with given inclusion probabilities: systematic sampling in random order (Madow, Ann. Math. Stat. 20, 1949).

    Returns:
        The places of the drawn images, in random order; their number is the sum of the probabilities, rounded.
    """
    order = generator.permutation(len(chances))
    marks = np.cumsum(chances[order]) + generator.random()
    steps = np.floor(marks)
    return generator.permutation(order[np.diff(steps, prepend=np.floor(marks[:1] - chances[order][:1])) > 0])


def recent_answers(models: NDArray[np.int64], current: int) -> NDArray[np.bool_]:
    """Which answers the estimate learns from: those of the current model, and of the ones before it until there are `ENOUGH`.

    Args:
        models: (answers,) the number of the model that gave each score; later models have higher numbers.
        current: the number of the model that scores the images now.
    """
    chosen: NDArray[np.bool_] = models == current
    for earlier in sorted({*models.tolist()} - {current}, reverse=True):
        if chosen.sum() >= ENOUGH:
            break
        chosen |= models == earlier
    return chosen


@dataclass(frozen=True)
class Posterior:
    """What the answers of a search say about how scores become probabilities.

    Args:
        states: (draws, 3) of the posterior: shift, log of the sharpness, log of the chance of a member that no score tells.
    """

    states: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """The (images,) probability that each image is a member, the mean over the posterior."""
        chances: Floats = _probabilities(self.states, scores).mean(axis=0)
        return chances


def learn_from_answers(
    scores: Floats, members: NDArray[np.bool_], *, found: int, images: int, seed: int = 0
) -> Posterior:
    """Learn from the answers of a search.

    Args:
        scores: (answered,) log odds of the images that the search showed, from the moment when they were shown.
        members: (answered,) which of them have the value.
        found: the number of all members that are labelled.
        images: the number of images that the search is about.
        seed: of the Monte Carlo draws.
    """
    hidden = _HIDDEN * max(found, 1) / max(images, 1)
    return Posterior(_sample(scores, members, hidden, np.random.default_rng(seed)))


def estimate_recall(
    posterior: Posterior, rest: Floats, found: int, *, page: int = 24, seed: int = 0
) -> Recall:
    """Estimate how many members are missed.

    Args:
        posterior: what the answers say.
        rest: (rest,) log odds of the images that nobody has looked at.
        found: the number of all members that are labelled.
        page: how many of the most probable images a page has.
        seed: of the Monte Carlo draws.
    """
    if not len(rest):
        return Recall(found, 0.0, 1.0, 1.0, 1.0, 0.0, 0)
    centres, sizes = _binned(-np.sort(-rest))
    q = _probabilities(posterior.states, centres)
    missed = np.random.default_rng(seed).binomial(sizes, q).sum(axis=1)
    low, middle, high = np.quantile((found + 0.5) / (found + 0.5 + missed), [0.025, 0.5, 0.975])
    gains = np.repeat(q.mean(axis=0), sizes)
    most = (1 - TARGET) * (found + gains.sum())
    left = np.concatenate([gains.sum() - np.cumsum(gains), [0.0]])
    images = 0 if gains.sum() <= most else int(np.argmax(left <= most)) + 1
    return Recall(
        found=found,
        missed=float(missed.mean()),
        recall=float(middle),
        low=float(low),
        high=float(high),
        next_page=float(gains[:page].sum()),
        images_to_target=min(images, len(rest)),
    )


def _probabilities(states: Floats, scores: Floats) -> Floats:
    """(states, scores) probability of a member by (states, 3) shift, log sharpness and log chance of a hidden member."""
    shift, sharpness, hidden = states[:, :1], np.exp(states[:, 1:2]), np.exp(states[:, 2:])
    visible = 1 / (1 + np.exp(-np.clip(shift + sharpness * scores, -30, 30)))
    return np.clip(hidden + (1 - np.minimum(hidden, 1)) * visible, 1e-12, 1 - 1e-9)


def _sample(
    scores: Floats, members: NDArray[np.bool_], hidden: float, generator: np.random.Generator
) -> Floats:
    """Draw from the posterior by the affine-invariant ensemble sampler (Goodman & Weare, CAMCoS 5:65-80, 2010)."""
    centre, spread = np.array([0, 0, np.log(hidden)]), np.array([_SHIFT, _SHARPNESS, _HIDDEN_SPREAD])
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, min(_BINS, max(1, len(order)))) if len(part)]
    middles = np.array([scores[part].mean() for part in parts])
    hits = np.array([members[part].sum() for part in parts])
    counts = np.array([len(part) for part in parts])

    def density(states: Floats) -> Floats:
        prior: Floats = -0.5 * (((states - centre) / spread) ** 2).sum(axis=1)
        if not len(middles):
            return prior
        q = _probabilities(states, middles)
        likelihood: Floats = prior + (hits * np.log(q) + (counts - hits) * np.log1p(-q)).sum(axis=1)
        return likelihood

    states = centre + spread * generator.standard_normal((16 * _WALKERS, 3))
    states = states[np.argsort(-density(states))[:_WALKERS]]
    heights, half, kept = density(states), _WALKERS // 2, []
    for step in range(_STEPS):
        for moved, others in ((slice(None, half), slice(half, None)), (slice(half, None), slice(None, half))):
            stretch = (1 + generator.random(half)) ** 2 / 2
            partners = states[others][generator.integers(half, size=half)]
            proposed = partners + stretch[:, None] * (states[moved] - partners)
            height = density(proposed)
            gain = 2 * np.log(stretch) + height - heights[moved]
            accepted = np.log(generator.random(half)) < gain
            states[moved] = np.where(accepted[:, None], proposed, states[moved])
            heights[moved] = np.where(accepted, height, heights[moved])
        if step >= _STEPS // 2 and step % (_STEPS // 2 // _KEPT or 1) == 0:
            kept.append(states.copy())
    return np.concatenate(kept)


def _binned(scores: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The mean scores and sizes of bins of sorted scores; finer where they are high, because members are there."""
    edges = np.arange(min(_SINGLE, len(scores)) + 1)
    if len(scores) > _SINGLE:
        edges = np.unique(
            np.concatenate([edges, np.geomspace(_SINGLE, len(scores), _BINS).round().astype(int)])
        )
    sizes = np.diff(edges)
    return np.add.reduceat(scores, edges[:-1]) / sizes, sizes
