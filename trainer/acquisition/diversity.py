"""Choosing images that differ from each other. Points are (n, q) coordinates; results are positions in them."""

import numpy as np
from numpy.typing import NDArray

Chosen = NDArray[np.int64]
NEIGHBOURS = 20
PASSES = 10


def farthest_first(points: NDArray[np.float32], known: NDArray[np.float32], count: int) -> Chosen:
    """Greedy k-center: each time the point farthest from its nearest known or chosen one.

    Args:
        points: To choose from.
        known: (m, q) what is labelled already; with none the first is the one farthest from the mean.
        count: At most len(points).
    """
    nearest = np.full(len(points), np.inf, np.float32)
    for start in range(0, len(known), 512):
        nearest = np.minimum(nearest, squared_distances(points, known[start : start + 512]).min(axis=1))
    if not len(known) and len(points):
        nearest = squared_distances(points, points.mean(axis=0, keepdims=True))[:, 0]
    chosen = np.empty(count, np.int64)
    for place in range(count):
        chosen[place] = nearest.argmax()
        nearest = np.minimum(nearest, squared_distances(points, points[chosen[place], None])[:, 0])
        nearest[chosen[: place + 1]] = -1
    return chosen


def spread_by_weight(
    points: NDArray[np.float32], slopes: NDArray[np.float32], count: int, generator: np.random.Generator
) -> Chosen:
    """k-means++ seeding (Arthur and Vassilvitskii, 2007) over the products slope ⊗ point, without making them.

    ‖s⊗x − t⊗y‖² = ‖s‖²‖x‖² + ‖t‖²‖y‖² − 2 (s·t)(x·y).

    Args:
        points: (n, q).
        slopes: (n, c).
        count: At most n.
        generator: Random numbers.
    """
    lengths = np.square(points).sum(axis=1) * np.square(slopes).sum(axis=1)
    nearest = lengths.copy()
    chosen = np.empty(count, np.int64)
    free = np.ones(len(points), bool)
    for place in range(count):
        weight = np.maximum(nearest, 0) * free
        total = weight.sum()
        if place == 0 or total <= 0:
            chosen[place] = np.where(free, lengths, -1).argmax()
        else:
            chosen[place] = generator.choice(len(points), p=weight / total)
        one = chosen[place]
        free[one] = False
        products = (slopes @ slopes[one]) * (points @ points[one])
        nearest = np.minimum(nearest, lengths + lengths[one] - 2 * products)
    return chosen


def typical(points: NDArray[np.float32], count: int, generator: np.random.Generator) -> Chosen:
    """The point with the nearest neighbours in each of `count` clusters, the largest cluster first.

    Args:
        points: (n, q).
        count: At most n.
        generator: Of the first centres.
    """
    cluster = k_means(points, count, generator)
    sizes = np.bincount(cluster, minlength=count)
    chosen: list[int] = []
    for number in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(cluster == number)
        if len(members):
            apart = np.sqrt(np.maximum(squared_distances(points[members], points[members]), 0))
            nearest = np.sort(apart, axis=1)[:, 1 : NEIGHBOURS + 1]
            density = nearest.mean(axis=1) if nearest.shape[1] else np.zeros(len(members))
            chosen.append(int(members[density.argmin()]))
    rest = np.setdiff1d(np.arange(len(points)), chosen)
    return np.array([*chosen, *rest[: count - len(chosen)]], np.int64)


def k_means(points: NDArray[np.float32], count: int, generator: np.random.Generator) -> Chosen:
    """Each point's cluster, by Lloyd's algorithm from random points."""
    centres = points[generator.permutation(len(points))[:count]]
    cluster = np.zeros(len(points), np.int64)
    for _ in range(PASSES):
        cluster = squared_distances(points, centres).argmin(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, cluster, points)
        sizes = np.bincount(cluster, minlength=count)[:, None]
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres).astype(np.float32)
    return cluster


def squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, m) squared Euclidean distances of (n, q) and (m, q) points."""
    squares: NDArray[np.float32] = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return squares
