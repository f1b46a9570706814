"""Which cells of an attribute a model may fill, given its errors or their probabilities."""

import numpy as np
from numpy.typing import NDArray

ERROR, RECALL = 0.01, 0.95
"""The default target of certified filling: share of an attribute's cells that may be wrong, and of each class that must be
found."""


def fillable(
    confidence: NDArray[np.floating],
    missed: NDArray[np.floating],
    images: int,
    members: NDArray[np.floating] | NDArray[np.integer],
) -> NDArray[np.bool_]:
    """Return (n,) whether a cell belongs to the largest set of most confident cells that meets the target.

    Args:
        confidence: (n,) probability of the model's answer; the cells are filled in this order.
        missed: (n, classes) probability that the cell is of the class while the answer is another one; a row's sum is the
            probability of an error.
        images: Number of cells of the attribute, filled or labelled; `ERROR` of them may be wrong.
        members: (classes,) number of images of each class; 1 − `RECALL` of them may be missed.
    """
    order = np.argsort(-confidence, kind="stable")
    errors = missed[order].sum(axis=1).cumsum() <= ERROR * images
    found = (missed[order].cumsum(axis=0) <= (1 - RECALL) * members).all(axis=1)
    filled = np.zeros(len(confidence), bool)
    filled[order] = errors & found
    return filled
