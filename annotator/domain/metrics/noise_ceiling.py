"""What a perfect model could score on the noisy labels of a project, by what its people answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.stats.noise_ceiling import NoiseCeiling, ceiling_from_gold, ceiling_from_pairs

__all__ = ["NoiseCeiling", "NoiseCounts", "ceiling_text", "count_noise"]

Numbers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class NoiseCounts:
    """What answers say of the noise of an attribute's labels.

    Args:
        codes: the codes of its values, in the order of the rows and columns.
        gold: answers to gold cells by truth and answer.
        pairs: cells that several people answered by two of their answers; a cell counts once in all.
    """

    codes: list[int]
    gold: list[list[float]]
    pairs: list[list[float]]

    def ceiling(self, labels: Mapping[int, int]) -> NoiseCeiling | None:
        """What a perfect model could score, by gold answers or else by pairs; None if there are too few.

        Args:
            labels: the number of labels by code of the images that models are measured on.
        """
        counts = np.array([labels.get(code, 0) for code in self.codes], np.int64)
        return ceiling_from_gold(np.array(self.gold), counts) or ceiling_from_pairs(
            np.array(self.pairs), counts
        )


def count_noise(
    codes: Sequence[int], gold: Sequence[tuple[int, int]], cells: Numbers, answers: Numbers
) -> NoiseCounts:
    """Count gold answers and pairs of answers.

    Args:
        codes: the codes of the attribute's values; other codes, such as "can't tell", are left out.
        gold: (truth, answer) codes of answers to gold cells.
        cells: (answers,) numbers of cells, equal ones in a row; one answer of a person to a cell.
        answers: (answers,) their codes.
    """
    place = {code: number for number, code in enumerate(codes)}
    of_gold = np.zeros((len(codes), len(codes)))
    for truth, answer in gold:
        if truth in place and answer in place:
            of_gold[place[truth], place[answer]] += 1
    index = np.array([place.get(code, -1) for code in answers.tolist()], np.int64)
    cells, index = cells[index >= 0], index[index >= 0]
    starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]]) if len(cells) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(cells)])
    of_pairs = np.zeros((len(codes), len(codes)))
    for size in np.unique(sizes[sizes > 1]).tolist():
        rows = index[starts[sizes == size][:, None] + np.arange(size)]
        both = list(combinations(range(size), 2))
        for one, other in both:
            np.add.at(of_pairs, (rows[:, one], rows[:, other]), 1 / len(both))
    return NoiseCounts(list(codes), of_gold.tolist(), of_pairs.tolist())


def ceiling_text(ceiling: NoiseCeiling, values: Sequence[str]) -> str:
    """Say what a perfect model could score, in a sentence.

    Args:
        ceiling: the ceiling.
        values: the names of the values.
    """
    best, what = ceiling.balanced_accuracy or ceiling.accuracy, "balanced accuracy"
    if ceiling.balanced_accuracy is None:
        what = "accuracy"
    kind = {"gold": "answers to gold images", "pairs": "images that several people answered"}[ceiling.source]
    text = (
        f"With labels as noisy as these, a perfect model would reach a {what} of about {best.value:.2f} "
        f"({best.low:.2f}–{best.high:.2f}), by {ceiling.answers:,} {kind}."
    ).replace("a accuracy", "an accuracy")
    unseen = ", ".join(values[number] for number in ceiling.unseen)
    return f"{text} None of these shows {unseen}." if unseen else text
