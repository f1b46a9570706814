"""Label savings: what an image chosen by the query strategy is worth, in random images, estimated from existing labels.

A tenth of the queue is drawn at random, and so are the images labelled before the first model. Heads are trained on these
random images, on half and a quarter of them, and on the same number of chosen images. All heads are measured on other
images, which were also drawn at random. Balanced accuracy is assumed to rise with the logarithm of the number of labels:
if b is the slope for random images and d the lead of the chosen ones, a chosen image is worth exp(d / b) random ones.

The interval is Fieller's ("Some problems in interval estimation", 1954) for the ratio d / b: all L for which chance explains
the difference of d - L b from 0. It is unbounded while the slope itself may be 0. Two kinds of chance count: which people
are measured (whole groups are drawn with replacement), and which images happen to be labelled (the delete-d jackknife: Shao
and Wu, "A general theory for jackknife variance estimation", Annals of Statistics 1989).
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
from trainer.probe.embeddings import PoolEmbeddings
from trainer.probe.linear_heads import Head, fit_heads
from trainer.probe.probe import threads_for
from trainer.runtime.errors import SnapshotError
from trainer.stats.class_balanced import balanced_answers

FEWEST = 30
"""Fewest random images to learn from, half the fewest chosen images, and fewest images to measure on."""
MOST, MOST_HELD_OUT, MOST_POOL = 400, 2000, 2000
"""Most images to train on, to measure on, and to estimate the class prior from; more would only take longer."""
DRAWS = 12
"""Number of draws of each train set."""
RESAMPLES = 500
WIDEST = 4.0
"""An interval is shown if its upper end is at most this multiple of its lower end, or if it does not contain 1."""
ENDLESS = 100.0
"""An upper end beyond this is dropped, because the straight line cannot be trusted that far."""
Z = 1.96
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """The n images of a snapshot, labelled or not.

    Attributes:
        embeddings: Returns the (rows, q) embeddings of some images.
        labels: Attribute → (n,) class indices, negative where there is no label.
        groups: (n,) group names.
        classes: Attribute → number of classes.
        random: Row numbers of the train images that were drawn at random.
        chosen: Row numbers of the train images that the query strategy chose.
        held_out: Row numbers of the random images to measure on; their groups differ from those of the others.
        views: View name → its coordinates among the embeddings; None for a single view.
    """

    embeddings: Callable[[Tensor], Tensor]
    labels: Mapping[str, NDArray[np.int64]]
    groups: NDArray[np.str_]
    classes: Mapping[str, int]
    random: Rows
    chosen: Rows
    held_out: Rows
    views: Mapping[str, slice] | None = None


@dataclass(frozen=True)
class LabelSavings:
    """The result of the comparison.

    Attributes:
        worth: Number of random images that one chosen image is worth; None if it cannot be estimated.
        low: Lower end of its 95 % interval.
        high: Upper end; None if it is unbounded.
        random: Number of random train images.
        chosen: Number of chosen train images.
        held_out: Number of images to measure on.
        trained_on: Size of the two train sets that were compared; 0 if nothing was trained.
        saved: Number of random labels that the chosen ones stand for at least beyond their own number, by the end of the
            interval that is nearer to 1; negative if they are worth less. None if the interval contains 1.
        missing: What is missing for an estimate, in words; None if there is one.
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
        """Return the content of its JSON file."""
        return asdict(self)

    @property
    def text(self) -> str:
        """The result as a sentence."""
        if self.worth is None:
            return f"It cannot be estimated yet: {self.missing}."
        interval = f"at least {self.low:.2f}" if self.high is None else f"{self.low:.2f} to {self.high:.2f}"
        return f"A label of the strategy was worth {self.worth:.2f} random ones ({interval})."


def material(snapshot: Snapshot, pool: PoolEmbeddings, drawn: Mapping[str, float]) -> Material:
    """Sort the labelled images of a snapshot by the way they were selected.

    Args:
        snapshot: Holds the labels.
        pool: The embeddings of its images.
        drawn: The result of `read_selection`.
    """
    columns = [snapshot.labels[a.name] >= 0 for a in snapshot.categorical]
    labelled = np.any(columns, axis=0) if columns else np.zeros(len(snapshot), bool)
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
        views=pool.blocks,
    )


def read_selection(file: Path) -> dict[str, float]:
    """Read how images were selected: image name → probability of the draw, 0 if a strategy chose it (FORMATS.md).

    Raises:
        SnapshotError: The file cannot be read as a selection.
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


def estimate(images: Material, seed: int) -> LabelSavings:
    """Compare the images that the strategy chose with those that were drawn at random.

    Args:
        images: The labelled images.
        seed: Seed of all random draws.
    """
    random, chosen, held_out = len(images.random), len(images.chosen), len(images.held_out)
    size = min(random, chosen // 2, MOST)
    if missing := _missing(random, chosen, held_out):
        return LabelSavings(None, None, None, random, chosen, held_out, 0, None, missing)
    ahead, slope, covariance = _compare(images, size, seed)
    interval = ratio_interval(ahead, slope, covariance)
    if interval is None or (interval[0] <= 0 <= interval[1] and interval[1] - interval[0] > math.log(WIDEST)):
        missing = f"{random} random labels, about {_needed(random, interval)} are needed"
        return LabelSavings(None, None, None, random, chosen, held_out, size, None, missing)
    worth, low, high = (math.exp(min(value, math.log(ENDLESS))) for value in (ahead / slope, *interval))
    saved = round(chosen * (max(low, min(high, 1)) - 1)) if low > 1 or high < 1 else None
    upper = high if high < ENDLESS else None
    return LabelSavings(worth, low, upper, random, chosen, held_out, size, saved, None)


def ratio_interval(ahead: float, slope: float, covariance: Floats) -> tuple[float, float] | None:
    """Return Fieller's 95 % interval of ahead / slope; None if it is unbounded because the slope may be 0.

    Args:
        ahead: The numerator.
        slope: The denominator.
        covariance: (2, 2) of both.
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
        (chosen, 2 * FEWEST, "labels that the strategy chose"),
        (held_out, FEWEST, "audit images"),
    ):
        if number < least:
            return f"{number} {what}, at least {least} are needed"
    return None


def _needed(random: int, interval: tuple[float, float] | None) -> int:
    """Return the number of random labels needed: the width goes with the root of the number; at most four times as many."""
    times = math.inf if interval is None else ((interval[1] - interval[0]) / math.log(WIDEST)) ** 2
    return math.ceil(random * min(4.0, times) / 10) * 10


def _compare(images: Material, size: int, seed: int) -> tuple[float, float, Floats]:
    """Return the lead of `size` chosen images, the slope of the curves, and the covariance of both."""
    generator = np.random.default_rng(seed)
    benchmark = _Benchmark(images, generator)

    def draw(rows: Rows, count: int) -> Floats:
        times = 1 if count == len(rows) else DRAWS
        return np.stack([benchmark.measure(generator.permutation(rows)[:count]) for _ in range(times)])

    few, many = size // 4, size - size // 4
    whole, part, quarter = (draw(images.random, count) for count in (size, many, few))
    chosen, chosen_quarter = (draw(images.chosen, count) for count in (size, few))
    span = math.log(size / few)

    def compare(random: Floats) -> tuple[Floats, Floats]:
        """Return the lead of the chosen images and the mean slope of both curves, as measured and in each draw of groups."""
        at_size, at_few = chosen.mean(axis=0), chosen_quarter.mean(axis=0)
        return at_size - random, (at_size + random - at_few - quarter.mean(axis=0)) / (2 * span)

    ahead, slope = compare(whole.mean(axis=0))
    # The mean over draws, not the one head of `whole`: the chance errors of a single head count among the images.
    of_people = compare(part.mean(axis=0))
    by_people = np.cov(of_people[0][1:], of_people[1][1:])
    # The deviations of parts of the random images from their mean stand for the deviation of all of them.
    off = [
        _deviations(measured[:, 0], len(rows), count)
        for measured, rows, count in (
            (chosen, images.chosen, size),
            (part, images.random, many),
            (chosen_quarter, images.chosen, few),
            (quarter, images.random, few),
        )
    ]
    by_images = np.cov(off[0] - off[1], (off[0] + off[1] - off[2] - off[3]) / (2 * span))
    return float(ahead[0]), float(slope[0]), by_people + by_images


def _deviations(measured: Floats, of: int, count: int) -> Floats:
    """Return the deviations of draws of `count` of `of` images from their mean, scaled to the deviation of `of` images."""
    deviations: Floats = (measured - measured.mean()) * math.sqrt(count / (of - count))
    return deviations


class _Benchmark:
    """The images to measure on, with draws of their groups.

    Args:
        images: The labelled images.
        generator: Source of the draws.
    """

    def __init__(self, images: Material, generator: np.random.Generator) -> None:
        self._images = images
        self._rows = np.sort(generator.permutation(images.held_out)[:MOST_HELD_OUT])
        self._embeddings = images.embeddings(torch.from_numpy(self._rows))
        pool = generator.permutation(len(images.groups))[:MOST_POOL]
        self._pool = images.embeddings(torch.from_numpy(pool))
        names, self._group = np.unique(images.groups[self._rows], return_inverse=True)
        draws = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
        self._draws = np.concatenate([np.ones((1, len(names))), draws])

    def measure(self, rows: Rows) -> Floats:
        """Train on some images; return macro balanced accuracy, as measured and then in each draw of groups."""
        images = self._images
        labels = {name: column[rows] for name, column in images.labels.items()}
        embeddings = images.embeddings(torch.from_numpy(rows))
        with threads_for(len(rows)):
            heads = fit_heads(
                embeddings, labels, images.groups[rows], images.classes, seed=0, views=images.views
            )
        accuracies = []
        for name, classes in images.classes.items():
            right = images.labels[name][self._rows]
            if len(np.unique(right[right >= 0])) > 1:
                answers = self._answers(heads[name]) if name in heads else np.zeros_like(right)
                accuracies.append(self._balanced(answers, right, classes))
        macro: Floats = np.mean(accuracies, axis=0) if accuracies else np.zeros(len(self._draws))
        return macro

    def _answers(self, head: Head) -> Rows:
        """Return the class-balanced answers, as in a round."""
        prior = head.expected_prior(head.answer(self._pool))
        return balanced_answers(head.answer(self._embeddings), prior)

    def _balanced(self, answers: Rows, right: Rows, classes: int) -> Floats:
        """Return the balanced accuracy in each draw of groups, over the classes that the draw shows."""
        labelled = right >= 0
        images = np.zeros((self._draws.shape[1], classes))
        hits = np.zeros_like(images)
        np.add.at(images, (self._group[labelled], right[labelled]), 1)
        np.add.at(hits, (self._group[labelled], right[labelled]), answers[labelled] == right[labelled])
        drawn = self._draws @ images
        recall = (self._draws @ hits) / np.maximum(drawn, 1)
        balanced: Floats = recall.sum(axis=1) / np.maximum((drawn > 0).sum(axis=1), 1)
        return balanced
