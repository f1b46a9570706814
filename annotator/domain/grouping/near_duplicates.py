"""Near-duplicates: images whose perceptual hashes differ in few bits, found without comparing all pairs."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

MAX_DISTANCE = 6
"""Two hashes of 64 bits belong to near-duplicates if they differ in at most this many bits."""

_CROWD = 64
"""If more images share a band, only neighbours in the order of their hashes are compared."""


def near_pairs(hashes: NDArray[np.int64], distance: int = MAX_DISTANCE) -> NDArray[np.int64]:
    """Find the pairs of images whose hashes differ in at most `distance` bits.

    If two hashes differ in at most d bits, then one of d + 1 bands of them is equal (Norouzi et al., "Fast exact search
    in Hamming space with multi-index hashing", 2014): only images that share a band are compared. Thousands of images
    with one equal band (a blank background) would still be millions of pairs; of these the hashes are sorted and
    neighbours compared, so that chains of alike images stay connected.

    Args:
        hashes: (images,) signed 64-bit numbers.
        distance: in bits.

    Returns:
        (pairs, 2) positions, each pair once, the smaller position first, in order.
    """
    bits = hashes.view(np.uint64)
    edges = np.linspace(0, 64, distance + 2).astype(np.uint64)
    pairs = [np.empty((0, 2), np.int64)]
    for low, high in itertools.pairwise(edges):
        band = (bits >> low) & np.uint64((1 << int(high - low)) - 1)
        order = np.lexsort((bits, band))
        starts = np.flatnonzero(np.r_[True, band[order][1:] != band[order][:-1], True])
        pairs += [_alike(bits, order[a:b], distance) for a, b in _runs(starts)]
    return np.unique(np.concatenate(pairs), axis=0)


def connected(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Find the connected components of images: the smallest position in each image's component.

    Args:
        pairs: (pairs, 2) positions.
        count: the number of images.
    """
    root = np.arange(count)
    while True:
        smaller = root.copy()
        np.minimum.at(smaller, pairs[:, 0], root[pairs[:, 1]])
        np.minimum.at(smaller, pairs[:, 1], root[pairs[:, 0]])
        smaller = np.minimum(smaller, smaller[smaller])  # shortcut, so that long chains need few passes
        if np.array_equal(smaller, root):
            return root
        root = smaller


def _runs(starts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The stretches of equal bands that hold more than one image."""
    lengths = np.diff(starts)
    return [(int(starts[i]), int(starts[i + 1])) for i in np.flatnonzero(lengths > 1)]


def _alike(bits: NDArray[np.uint64], members: NDArray[np.int64], distance: int) -> NDArray[np.int64]:
    if len(members) <= _CROWD:
        first, second = np.triu_indices(len(members), 1)
    else:
        first = np.repeat(np.arange(len(members)), _CROWD)
        second = first + np.tile(np.arange(1, _CROWD + 1), len(members))
        first, second = first[second < len(members)], second[second < len(members)]
    a, b = members[first], members[second]
    near = np.bitwise_count(bits[a] ^ bits[b]) <= distance
    pairs: NDArray[np.int64] = np.stack([np.minimum(a, b), np.maximum(a, b)], axis=1)[near]
    return pairs
