"""No group appears twice in a batch."""

import numpy as np
from numpy.typing import NDArray

BATCH, HEAD = 25, 200
"""Images labelled between two rounds, and images at the head of the order to which the constraint applies."""
LOOKED_AT = 40 * BATCH
"""How many of the next images are searched for another group."""


def one_per_group(order: NDArray[np.int64], groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """Postpone an image to the next batch if the current batch already holds an image of its group.

    A group is a person, a video, or a set of near-duplicates. Its second image adds little to the first.

    Args:
        order: Row numbers, the first to label first.
        groups: (n,) group names of all images.

    Returns:
        The same row numbers. No group appears twice in any `BATCH` of the first `HEAD`, if enough groups are near the
        head.
    """
    batches, rest = [], order
    placed = 0
    while placed < HEAD and len(rest):
        _, first = np.unique(groups[rest[:LOOKED_AT]], return_index=True)
        chosen = np.sort(first)[:BATCH]
        batches.append(rest[chosen])
        rest = np.delete(rest, chosen)
        placed += len(chosen)
    return np.concatenate([*batches, rest])
