"""Distances between sets of faces: the root of the mean squared distance between all their descriptors.

clusters.py merges by the same distance. A set (a person, a cluster or a single face) is a mean and a mean squared norm, from
which the distance follows without the members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

_BLOCK = 4096
"""Clusters compared at once: with 10,000 people that takes 160 MB."""


@dataclass(frozen=True)
class Sets:
    """Sets of descriptors.

    Args:
        means: (sets, 128).
        norms: (sets,) the mean squared norm of each set's descriptors.
    """

    means: Floats
    norms: Floats

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, which: slice | Places) -> Sets:
        return Sets(self.means[which], self.norms[which])

    def __add__(self, more: Sets) -> Sets:
        return Sets(np.concatenate([self.means, more.means]), np.concatenate([self.norms, more.norms]))


def no_sets() -> Sets:
    """No sets."""
    return Sets(np.empty((0, 128), np.float32), np.empty(0, np.float32))


def sets_of(descriptors: Floats, numbers: Places, count: int) -> Sets:
    """Make the sets 0 … count - 1 of descriptors (faces, 128); `numbers` (faces,) is the set of each, and no set is empty."""
    exact = descriptors.astype(np.float64)
    sizes = np.bincount(numbers, minlength=count)
    sums = np.zeros((count, exact.shape[1]))
    np.add.at(sums, numbers, exact)
    norms = np.bincount(numbers, weights=np.einsum("ij,ij->i", exact, exact), minlength=count)
    return Sets((sums / sizes[:, None]).astype(np.float32), (norms / sizes).astype(np.float32))


def distances(some: Sets, others: Sets) -> Floats:
    """Compute the distances (some, others)."""
    squares: Floats = some.means @ others.means.T
    squares *= -2
    squares += some.norms[:, None]
    squares += others.norms[None]
    np.maximum(squares, 0, out=squares)
    np.sqrt(squares, out=squares)
    return squares


def nearest(one: Sets, people: Sets, count: int) -> tuple[Places, Floats]:
    """Find the places of the people nearest to one set, nearest first, and their distances."""
    to_people = distances(one, people)[0]
    order = np.argsort(to_people, kind="stable")[:count]
    return order, to_people[order]


def nearest_one(some: Sets, people: Sets) -> tuple[Places, Floats]:
    """Find for every set the place of the nearest person, and the distance; both (some,)."""
    places = np.zeros(len(some), np.int64)
    smallest = np.full(len(some), np.inf, np.float32)
    if len(people) == 0:
        return places, smallest
    for start in range(0, len(some), _BLOCK):
        block = distances(some[slice(start, start + _BLOCK)], people)
        places[start : start + _BLOCK] = block.argmin(axis=1)
        smallest[start : start + _BLOCK] = block.min(axis=1)
    return places, smallest
