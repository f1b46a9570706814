"""Whom a batch asks about: nobody twice."""

import numpy as np
from numpy.typing import NDArray

BATCH, HEAD = 25, 200
"""Images that are labelled between two rounds, and how many at the head of the order are arranged with care."""
LOOKED_AT = 40 * BATCH
"""How far ahead another group is looked for."""


def one_per_group(order: NDArray[np.int64], groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """Put an image off to the next batch if another one of its group is in this one.

    A group is a person, a video, or near-duplicates: its second image teaches little that the first one does not.

    Args:
        order: Row numbers, the first to ask first.
        groups: (n,) of all images.

    Returns:
        The same row numbers. In every `BATCH` of the first `HEAD` no group comes twice, if there are enough near the head.
    """
    batches, rest = [], order
    placed = 0
    while placed < HEAD and len(rest):
        _, first = np.unique(groups[rest[:LOOKED_AT]], return_index=True)
        taken = np.sort(first)[:BATCH]
        batches.append(rest[taken])
        rest = np.delete(rest, taken)
        placed += len(taken)
    return np.concatenate([*batches, rest])
