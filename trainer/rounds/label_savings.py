"""What one image that the rule chose is worth, in images drawn at random: estimated from the labels that are there.

A tenth of the queue is drawn at random, and so is everything that was labelled before the first model. Heads are trained on
these images, on a half and on a quarter of them, and on as many that the rule chose; all are measured on images that were
drawn at random too and that no head learns from. Balanced accuracy is taken to rise with the logarithm of the number of
labels. With b the slope for random images and d what the chosen ones are ahead by, one of them is worth exp(d / b) random ones.

The interval is Fieller's ("Some problems in interval estimation", 1954) for the ratio d / b: all L for which d - L b is within
chance of 0. It has no ends while the slope itself may be 0. Two kinds of chance count: which people are measured on (whole
groups are drawn with replacement), and which images happened to be labelled (the delete-d jackknife: Shao and Wu, "A
general theory for jackknife variance estimation", Annals of Statistics 1989).
"""

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.snapshot import Snapshot
from trainer.evaluation.calibration import balanced_answer
from trainer.probe.embeddings import PoolPoints
from trainer.probe.linear_heads import Head, fit_heads
from trainer.probe.probe import threads_for
from trainer.runtime.errors import SnapshotError

FEWEST = 30
"""Random images to learn from, half the chosen ones, and images to measure on: below it nothing is tried."""
MOST, MOST_HELD_OUT, MOST_POOL = 400, 2000, 2000
"""Images that heads are trained on, measured on, and told the shares of the classes from at most: more would only cost time."""
DRAWS = 12
"""How often each set is drawn."""
RESAMPLES = 500
WIDEST = 4.0
"""An interval is told if its upper end is at most this many times the lower one, or if it leaves out 1."""
ENDLESS = 100.0
"""An upper end beyond it is none: a straight curve is not to be believed that far."""
Z = 1.96
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """The n images of a snapshot, labelled or not.

    Attributes:
        points: Gives the (rows, q) coordinates of some of them.
        labels: Attribute → (n,) class indices, negative where not known.
        groups: (n,) names, of all images of the pool.
        classes: Attribute → number of classes.
        random: Rows that were drawn at random and may be learned from.
        chosen: Rows that the rule chose and that may be learned from.
        held_out: Rows that were drawn at random and are measured on; their groups are not among those of the others.
    """

    points: Callable[[Tensor], Tensor]
    labels: Mapping[str, NDArray[np.int64]]
    groups: NDArray[np.str_]
    classes: Mapping[str, int]
    random: Rows
    chosen: Rows
    held_out: Rows


@dataclass(frozen=True)
class LabelsSaved:
    """What was found.

    Attributes:
        worth: Random images that one chosen image is worth; None if it cannot be told.
        low: Lower end of its 95 % interval.
        high: Upper end; None if there is none.
        random: Random images that could be learned from.
        chosen: Chosen images.
        held_out: Images to measure on.
        trained_on: Images in each of the two sets that were compared; 0 if nothing was tried.
        saved: How many random labels at least the chosen ones stand for beyond their own number, by the end of the interval
            that is nearer to 1; negative if they are worth less. None if the interval holds 1.
        missing: What it takes to tell, in words; None if it can be told.
    """

    worth: float | None
    low: float | None
    high: float | None
    random: int
    chosen: int
    held_out: int
    trained_on: int
    saved: int | None
    missing: str | None

    def as_json(self) -> dict[str, Any]:
        """As its file has it."""
        return asdict(self)


def material(snapshot: Snapshot, pool: PoolPoints, drawn: Mapping[str, float]) -> Material:
    """Sort the labelled images of a snapshot.

    Args:
        snapshot: With labels.
        pool: The points of its images.
        drawn: Of `read_selection`.
    """
    known = [snapshot.labels[a.name] >= 0 for a in snapshot.categorical]
    labelled = np.any(known, axis=0) if known else np.zeros(len(snapshot), bool)
    draw = np.array([drawn.get(name, np.nan) for name in snapshot.image_names])
    train, val, test = (labelled & (snapshot.splits == split) for split in ("train", "val", "test"))
    return Material(
        pool.of,
        {a.name: snapshot.labels[a.name] for a in snapshot.categorical},
        snapshot.groups,
        {a.name: len(a.values) for a in snapshot.categorical},
        random=np.flatnonzero(train & (draw > 0)),
        chosen=np.flatnonzero(train & (draw == 0)),
        held_out=np.flatnonzero(test | (val & (draw > 0))),
    )


def read_selection(file: Path) -> dict[str, float]:
    """Read how images were drawn: image name → probability, 0 where a rule chose it (FORMATS.md).

    Raises:
        SnapshotError: It is no such file.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return {row["image_name"]: float(row["drawn"]) for row in csv.DictReader(stream)}
    except (OSError, KeyError, TypeError, ValueError) as cause:
        raise SnapshotError(
            f"{file} does not say how images were drawn: {cause!r}.",
            "Nothing was changed.",
            "Export it again.",
        ) from cause


def estimate(images: Material, seed: int) -> LabelsSaved:
    """Compare what the rule chose with what was drawn at random.

    Args:
        images: What is labelled.
        seed: Of all draws.
    """
    random, chosen, held_out = len(images.random), len(images.chosen), len(images.held_out)
    size = min(random, chosen // 2, MOST)
    if missing := _missing(random, chosen, held_out):
        return LabelsSaved(None, None, None, random, chosen, held_out, 0, None, missing)
    ahead, slope, covariance = _compare(images, size, seed)
    interval = ratio_interval(ahead, slope, covariance)
    if interval is None or (interval[0] <= 0 <= interval[1] and interval[1] - interval[0] > math.log(WIDEST)):
        missing = f"{random} random labels, about {_needed(random, interval)} are needed"
        return LabelsSaved(None, None, None, random, chosen, held_out, size, None, missing)
    worth, low, high = (math.exp(min(value, math.log(ENDLESS))) for value in (ahead / slope, *interval))
    saved = round(chosen * (max(low, min(high, 1)) - 1)) if low > 1 or high < 1 else None
    upper = high if high < ENDLESS else None
    return LabelsSaved(worth, low, upper, random, chosen, held_out, size, saved, None)


def ratio_interval(ahead: float, slope: float, covariance: Floats) -> tuple[float, float] | None:
    """Return Fieller's 95 % interval of ahead / slope; None if it has no ends because the slope may be 0.

    Args:
        ahead: The numerator.
        slope: The denominator.
        covariance: (2, 2) of the two.
    """
    a = slope**2 - Z**2 * covariance[1, 1]
    b = ahead * slope - Z**2 * covariance[0, 1]
    c = ahead**2 - Z**2 * covariance[0, 0]
    if slope <= 0 or a <= 0:
        return None
    root = math.sqrt(max(0.0, b**2 - a * c))
    return float((b - root) / a), float((b + root) / a)


def _missing(random: int, chosen: int, held_out: int) -> str | None:
    for number, least, what in (
        (random, FEWEST, "random labels to learn from"),
        (chosen, 2 * FEWEST, "labels that the rule chose"),
        (held_out, FEWEST, "audit images"),
    ):
        if number < least:
            return f"{number} {what}, at least {least} are needed"
    return None


def _needed(random: int, interval: tuple[float, float] | None) -> int:
    """The width of an interval goes with the root of the number of images; at most four times as many are foretold."""
    times = math.inf if interval is None else ((interval[1] - interval[0]) / math.log(WIDEST)) ** 2
    return math.ceil(random * min(4.0, times) / 10) * 10


def _compare(images: Material, size: int, seed: int) -> tuple[float, float, Floats]:
    """Return by how much `size` chosen images are ahead, the slope of the curves, and the covariance of the two."""
    generator = np.random.default_rng(seed)
    ruler = _Ruler(images, generator)

    def draw(rows: Rows, count: int) -> Floats:
        times = 1 if count == len(rows) else DRAWS
        return np.stack([ruler.measure(generator.permutation(rows)[:count]) for _ in range(times)])

    few, many = size // 4, size - size // 4
    whole, part, quarter = (draw(images.random, count) for count in (size, many, few))
    chosen, chosen_quarter = (draw(images.chosen, count) for count in (size, few))
    span = math.log(size / few)

    def compare(random: Floats) -> tuple[Floats, Floats]:
        """What the chosen images are ahead by and the mean slope of both curves, as measured and in each draw of groups."""
        at_size, at_few = chosen.mean(axis=0), chosen_quarter.mean(axis=0)
        return at_size - random, (at_size + random - at_few - quarter.mean(axis=0)) / (2 * span)

    ahead, slope = compare(whole.mean(axis=0))
    # The mean over draws, not the one head of `whole`: whom a single head gets wrong by chance is counted among the images.
    of_people = compare(part.mean(axis=0))
    by_people = np.cov(of_people[0][1:], of_people[1][1:])
    # What parts of the random images miss their mean by stands for what all of them may miss.
    off = [
        _deviations(found[:, 0], len(rows), count)
        for found, rows, count in (
            (chosen, images.chosen, size),
            (part, images.random, many),
            (chosen_quarter, images.chosen, few),
            (quarter, images.random, few),
        )
    ]
    by_images = np.cov(off[0] - off[1], (off[0] + off[1] - off[2] - off[3]) / (2 * span))
    return float(ahead[0]), float(slope[0]), by_people + by_images


def _deviations(figures: Floats, of: int, count: int) -> Floats:
    """By how much draws of `count` of `of` images miss their mean, made as large as chance makes it for the `of` images."""
    deviations: Floats = (figures - figures.mean()) * math.sqrt(count / (of - count))
    return deviations


class _Ruler:
    """The images that are measured on, and the draws of their groups.

    Args:
        images: The material.
        generator: Of the draws.
    """

    def __init__(self, images: Material, generator: np.random.Generator) -> None:
        self._images = images
        self._rows = np.sort(generator.permutation(images.held_out)[:MOST_HELD_OUT])
        self._points = images.points(torch.from_numpy(self._rows))
        self._pool = images.points(torch.from_numpy(generator.permutation(len(images.groups))[:MOST_POOL]))
        names, self._group = np.unique(images.groups[self._rows], return_inverse=True)
        draws = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
        self._draws = np.concatenate([np.ones((1, len(names))), draws])

    def measure(self, rows: Rows) -> Floats:
        """Train on some images; return macro balanced accuracy: as measured, then as it is in each draw of groups."""
        images = self._images
        labels = {name: column[rows] for name, column in images.labels.items()}
        points = images.points(torch.from_numpy(rows))
        with threads_for(len(rows)):
            heads = fit_heads(points, labels, images.groups[rows], images.classes, seed=0)
        found = []
        for name, classes in images.classes.items():
            right = images.labels[name][self._rows]
            if len(np.unique(right[right >= 0])) > 1:
                said = self._answer(heads[name]) if name in heads else np.zeros_like(right)
                found.append(self._balanced(said, right, classes))
        macro: Floats = np.mean(found, axis=0) if found else np.zeros(len(self._draws))
        return macro

    def _answer(self, head: Head) -> Rows:
        """The class-balanced answers, as a round gives them."""
        return balanced_answer(head.answer(self._points), head.expected_shares(head.answer(self._pool)))

    def _balanced(self, said: Rows, right: Rows, classes: int) -> Floats:
        """The mean over the classes that are drawn of the share that was said right."""
        known = right >= 0
        there = np.zeros((self._draws.shape[1], classes))
        hit = np.zeros_like(there)
        np.add.at(there, (self._group[known], right[known]), 1)
        np.add.at(hit, (self._group[known], right[known]), said[known] == right[known])
        drawn = self._draws @ there
        recall = (self._draws @ hit) / np.maximum(drawn, 1)
        balanced: Floats = recall.sum(axis=1) / np.maximum((drawn > 0).sum(axis=1), 1)
        return balanced
