"""Clusters of faces that probably belong to one person, by descriptor: average linkage over near neighbours.

The distance of two clusters is the root of the mean squared distance between their members (UPGMA on squared
distances, Sokal and Michener 1958). It follows from each cluster's size, mean and mean squared norm, so no matrix of
all pairs is kept. Two clusters merge while each is the other's nearest (Murtagh 1983): for a linkage such as this one
that gives the same tree as merging the nearest pair one by one, and many pairs merge at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

LIMIT = 0.48
"""The largest distance at which clusters merge; docs/lab/measurements.md says how it was chosen."""

_BLOCK = 1024
"""Rows compared at once: 100,000 faces then need at most 400 MB."""

_NEIGHBOURS = 24
"""Pairs that are kept of each face with later faces: a large cluster holds together with far fewer than all its pairs."""


@dataclass(frozen=True)
class _Clusters:
    """Sizes (n,), means (n, d) and mean squared norms (n,) of clusters."""

    sizes: NDArray[np.float64]
    means: NDArray[np.float64]
    norms: NDArray[np.float64]

    def squared_distances(self, pairs: Places) -> NDArray[np.float64]:
        """Mean squared distances of the members of pairs (p, 2), (p,)."""
        squares = np.empty(len(pairs))
        for start in range(0, len(pairs), 65_536):
            a, b = pairs[start : start + 65_536].T
            dots = np.einsum("ij,ij->i", self.means[a], self.means[b])
            squares[start : start + 65_536] = self.norms[a] + self.norms[b] - 2 * dots
        return squares

    def merged(self, into: Places, count: int) -> _Clusters:
        """Merge clusters: `into` (n,) is the new number of each cluster."""
        sizes = np.bincount(into, weights=self.sizes, minlength=count).astype(np.float64)
        means = np.zeros((count, self.means.shape[1]))
        np.add.at(means, into, self.means * self.sizes[:, None])
        norms = np.bincount(into, weights=self.norms * self.sizes, minlength=count)
        return _Clusters(sizes, means / sizes[:, None], norms / sizes)


def cluster_faces(descriptors: Floats, limit: float = LIMIT) -> Places:
    """Cluster faces by the person to whom they probably belong.

    Args:
        descriptors: (faces, 128); the order matters only for exact ties.
        limit: the largest distance at which clusters merge.

    Returns:
        (faces,) the number of each face's cluster, from 0, in the order in which clusters first appear.
    """
    numbers = np.arange(len(descriptors))
    if len(descriptors) < 2:
        return numbers
    exact = descriptors.astype(np.float64)
    clusters = _Clusters(np.ones(len(exact)), exact, np.einsum("ij,ij->i", exact, exact))
    pairs = near_pairs(descriptors, limit)
    while len(pairs):
        squares = clusters.squared_distances(pairs)
        pairs, squares = pairs[squares <= limit**2], squares[squares <= limit**2]
        into = _merge_mutual_nearest(pairs, squares, len(clusters.sizes))
        count = int(into.max()) + 1
        clusters = clusters.merged(into, count)
        numbers = into[numbers]
        pairs = np.sort(into[pairs], axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        keys = np.unique(pairs[:, 0] * count + pairs[:, 1])
        pairs = np.stack([keys // count, keys % count], axis=1)
    return _in_order_of_appearance(numbers)


def near_pairs(descriptors: Floats, limit: float) -> Places:
    """Find pairs (p, 2) of faces at most `limit` apart, smaller place first, block by block."""
    norms = np.einsum("ij,ij->i", descriptors, descriptors)
    pairs: list[Places] = []
    for start in range(0, len(descriptors), _BLOCK):
        rows, later = descriptors[start : start + _BLOCK], descriptors[start:]
        squares = rows @ later.T
        squares *= -2
        squares += norms[start : start + _BLOCK, None]
        squares += norms[None, start:]
        places = np.flatnonzero(squares <= limit**2)
        row, column = np.divmod(places, len(later))
        wanted = row < column
        pairs.append(start + _nearest_of_each(row[wanted], column[wanted], squares))
    return np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)


def _nearest_of_each(row: Places, column: Places, squares: Floats) -> Places:
    """Keep the `_NEIGHBOURS` nearest pairs of each row."""
    order = np.lexsort((column, squares[row, column], row))
    row, column = row[order], column[order]
    firsts = np.searchsorted(row, row)
    kept = np.arange(len(row)) - firsts < _NEIGHBOURS
    return np.stack([row[kept], column[kept]], axis=1)


def _merge_mutual_nearest(pairs: Places, squares: NDArray[np.float64], count: int) -> Places:
    """Merge each pair of clusters that are nearest to each other, and return the new numbers (count,)."""
    order = np.lexsort((pairs[:, 1], pairs[:, 0], squares))  # nearest pair first, ties by number
    ranked = pairs[order]
    rank = np.arange(len(ranked))
    best = np.full(count, len(ranked))
    np.minimum.at(best, ranked[:, 0], rank)
    np.minimum.at(best, ranked[:, 1], rank)
    mutual = ranked[(best[ranked[:, 0]] == rank) & (best[ranked[:, 1]] == rank)]
    into = np.arange(count)
    into[mutual[:, 1]] = mutual[:, 0]
    return np.unique(into, return_inverse=True)[1]


def _in_order_of_appearance(numbers: Places) -> Places:
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[inverse]
