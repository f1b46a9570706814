"""Ask what lets the model fill most cells per second of the person."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition.base import Order
from trainer.acquisition.by_uncertainty import HeadFirst
from trainer.acquisition.fillable import fillable
from trainer.acquisition.pool import Pool

STEP = 10
"""Labels of a class for which the gain is computed; a single one moves a threshold by less than a cell."""


class Fill(HeadFirst):
    """Asks for the images whose answers finish most cells per second.

    A cell is *fillable* if it belongs to the most confident cells whose expected errors, and expected missed members of
    every class, are within the target of certified filling (`fillable`). An answer to a cell that is not fillable finishes
    this cell. It also teaches its class: the confusions of a class with n labelled groups are taken to fall as 1 / n, which
    moves the threshold of the attribute, so that further cells become fillable. A class whose recall is the bottleneck
    gains most. A label of a class teaches what the model does not expect of it, so a cell counts p(class) · (1 − p(class)).

    The score of an image is the sum over its open cells, divided by the expected seconds of the image: fillable and other
    probably right suggestions are confirmed, the others are corrected (`Pace`). The head is chosen greedily: an image
    lowers the gain of the classes that it probably shows.
    """

    def choose(self, pool: Pool, candidates: Order, count: int) -> Order:
        """Choose the image that finishes most cells per second, again and again."""
        finished, seconds = np.zeros(len(candidates)), np.full(len(candidates), pool.pace.image)
        taught, shown, gain, labelled = [], [], [], []
        for name, p in pool.probabilities.items():
            worth = worth_of(pool, name)
            asked = pool.cells[name][candidates]
            some = p[candidates]
            finished += asked & ~worth.fillable[candidates]
            seconds += np.where(asked, pool.pace.of_cells(some.max(axis=1)), 0)
            shown.append(some * asked[:, None])
            taught.append(shown[-1] * (1 - some))
            gain.append(worth.gain)
            labelled.append(pool.counts[name])
        return candidates[
            _greedy(
                finished,
                seconds,
                np.concatenate(taught, axis=1),
                np.concatenate(shown, axis=1),
                np.concatenate(gain),
                (1 + np.concatenate(labelled)).astype(np.float64),
                count,
            )
        ]


@dataclass(frozen=True)
class Worth:
    """What answers to one attribute are worth.

    Attributes:
        fillable: (n,) whether an open cell can be filled already.
        gain: (classes,) cells that become fillable with one more label of the class.
    """

    fillable: NDArray[np.bool_]
    gain: NDArray[np.float64]


def worth_of(pool: Pool, name: str) -> Worth:
    """Return what answers to an attribute are worth; cells of the test split count neither as open nor as labelled."""
    p = pool.probabilities[name]
    rows = np.flatnonzero(pool.cells[name] & pool.work)
    some = p[rows].astype(np.float64)
    top, confidence = some.argmax(axis=1), some.max(axis=1)
    missed = np.where(np.arange(some.shape[1]) == top[:, None], 0, some)
    labels = pool.labels[name]
    members = some.sum(axis=0) + np.bincount(labels[labels >= 0], minlength=some.shape[1])
    images = len(rows) + int((labels >= 0).sum())
    now = fillable(confidence, missed, images, members)
    gain = np.zeros(some.shape[1])
    for number, count in enumerate(pool.counts[name]):
        confused = (top == number)[:, None] | (np.arange(some.shape[1]) == number)
        fewer = np.where(confused, missed * (1 + count) / (1 + count + STEP), missed)
        gain[number] = (fillable(confidence, fewer, images, members).sum() - now.sum()) / STEP
    is_fillable = np.zeros(len(p), bool)
    is_fillable[rows] = now
    return Worth(is_fillable, gain)


def _greedy(
    finished: NDArray[np.float64],
    seconds: NDArray[np.float64],
    taught: NDArray[np.floating],
    shown: NDArray[np.floating],
    gain: NDArray[np.float64],
    labelled: NDArray[np.float64],
    count: int,
) -> NDArray[np.int64]:
    """Choose `count` of n images by (finished + taught · gain) / seconds.

    Each choice lowers the gain of the k classes that the image probably shows: the gain of a label falls as 1 / labels².

    Args:
        finished: (n,) cells that an answer finishes.
        seconds: (n,) what the image costs.
        taught: (n, k) how much an answer teaches each class.
        shown: (n, k) probability that the image shows each class.
        gain: (k,) cells that become fillable with one more label of the class.
        labelled: (k,) labelled groups of the class, plus 1.
        count: At most n.
    """
    chosen = np.empty(count, np.int64)
    free = np.ones(len(finished), bool)
    expected = labelled.copy()
    for place in range(count):
        score = (finished + taught @ (gain * (labelled / expected) ** 2)) / seconds
        chosen[place] = np.where(free, score, -np.inf).argmax()
        free[chosen[place]] = False
        expected += shown[chosen[place]]
    return chosen
