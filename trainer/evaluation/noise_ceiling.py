"""What a perfect model could score on a snapshot, by what it says of the noise of its labels."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.annotations import Truths, count_answers_to, count_labels, count_pairs
from trainer.data.snapshot import Snapshot
from trainer.stats.noise_ceiling import (
    NoiseCeiling,
    ceiling_from_checked,
    ceiling_from_gold,
    ceiling_from_pairs,
)


def noise_ceilings(
    snapshot: Snapshot, *, checked: Truths | None = None, gold: Truths | None = None
) -> dict[str, NoiseCeiling]:
    """Return the ceiling of every attribute whose noise is measured, by the best source: checked, gold, pairs.

    Args:
        snapshot: The snapshot; it knows pairs and answers to gold images only with annotations.csv.
        checked: Truths of images that were drawn at random, with which the labels are compared.
        gold: Truths of gold images, with which the answers of people are compared.
    """
    labels_checked = count_labels(snapshot, checked) if checked else {}
    answers = count_answers_to(snapshot, gold) if gold else {}
    pairs = count_pairs(snapshot)
    ceilings = {}
    for attribute in snapshot.categorical:
        name, labels = attribute.name, _measured_labels(snapshot, attribute.name, len(attribute.codes))
        ceiling = (
            (ceiling_from_checked(labels_checked[name], labels) if name in labels_checked else None)
            or (ceiling_from_gold(answers[name], labels) if name in answers else None)
            or (ceiling_from_pairs(pairs[name], labels) if name in pairs else None)
        )
        if ceiling is not None:
            ceilings[name] = ceiling
    return ceilings


def _measured_labels(snapshot: Snapshot, name: str, values: int) -> NDArray[np.int64]:
    """Labelled images by value in the split that models are measured on: test, or all without a labelled test image."""
    labels = snapshot.labels[name]
    is_measured = (snapshot.splits == "test") & (labels >= 0)
    chosen = labels[is_measured] if is_measured.any() else labels[labels >= 0]
    return np.bincount(chosen, minlength=values).astype(np.int64)
