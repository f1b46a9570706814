"""Choose images that differ from each other. Embeddings are (n, q) arrays; results are row numbers in them."""

import numpy as np
from numpy.typing import NDArray

Chosen = NDArray[np.int64]
NEIGHBOURS = 20
PASSES = 10


def farthest_first(embeddings: NDArray[np.float32], labelled: NDArray[np.float32], count: int) -> Chosen:
    """Choose greedily by k-center: each time the image farthest from its nearest labelled or chosen one.

    Args:
        embeddings: (n, q), to choose from.
        labelled: (m, q) embeddings of the labelled images. If m is 0, the first choice is the one farthest from the mean.
        count: At most n.
    """
    nearest = np.full(len(embeddings), np.inf, np.float32)
    for start in range(0, len(labelled), 512):
        nearest = np.minimum(
            nearest, squared_distances(embeddings, labelled[start : start + 512]).min(axis=1)
        )
    if not len(labelled) and len(embeddings):
        nearest = squared_distances(embeddings, embeddings.mean(axis=0, keepdims=True))[:, 0]
    chosen = np.empty(count, np.int64)
    for place in range(count):
        chosen[place] = nearest.argmax()
        nearest = np.minimum(nearest, squared_distances(embeddings, embeddings[chosen[place], None])[:, 0])
        nearest[chosen[: place + 1]] = -1
    return chosen


def spread_by_weight(
    embeddings: NDArray[np.float32], slopes: NDArray[np.float32], count: int, generator: np.random.Generator
) -> Chosen:
    """Choose by k-means++ seeding (Arthur and Vassilvitskii, 2007) over the products slope ⊗ embedding.

    The products are never computed: ‖s⊗x − t⊗y‖² = ‖s‖²‖x‖² + ‖t‖²‖y‖² − 2 (s·t)(x·y).

    Args:
        embeddings: (n, q).
        slopes: (n, c).
        count: At most n.
        generator: Source of the random choices.
    """
    lengths = np.square(embeddings).sum(axis=1) * np.square(slopes).sum(axis=1)
    nearest = lengths.copy()
    chosen = np.empty(count, np.int64)
    free = np.ones(len(embeddings), bool)
    for place in range(count):
        weight = np.maximum(nearest, 0) * free
        total = weight.sum()
        if place == 0 or total <= 0:
            chosen[place] = np.where(free, lengths, -1).argmax()
        else:
            chosen[place] = generator.choice(len(embeddings), p=weight / total)
        one = chosen[place]
        free[one] = False
        products = (slopes @ slopes[one]) * (embeddings @ embeddings[one])
        nearest = np.minimum(nearest, lengths + lengths[one] - 2 * products)
    return chosen


def typical(embeddings: NDArray[np.float32], count: int, generator: np.random.Generator) -> Chosen:
    """Choose from each of `count` clusters the image with the nearest neighbours, the largest cluster first.

    Args:
        embeddings: (n, q).
        count: At most n.
        generator: Source of the first cluster centres.
    """
    cluster = k_means(embeddings, count, generator)
    sizes = np.bincount(cluster, minlength=count)
    chosen: list[int] = []
    for number in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(cluster == number)
        if len(members):
            apart = np.sqrt(np.maximum(squared_distances(embeddings[members], embeddings[members]), 0))
            nearest = np.sort(apart, axis=1)[:, 1 : NEIGHBOURS + 1]
            density = nearest.mean(axis=1) if nearest.shape[1] else np.zeros(len(members))
            chosen.append(int(members[density.argmin()]))
    rest = np.setdiff1d(np.arange(len(embeddings)), chosen)
    return np.array([*chosen, *rest[: count - len(chosen)]], np.int64)


def k_means(embeddings: NDArray[np.float32], count: int, generator: np.random.Generator) -> Chosen:
    """Return (n,) the cluster of each image, by Lloyd's algorithm from random images as centres."""
    centres = embeddings[generator.permutation(len(embeddings))[:count]]
    cluster = np.zeros(len(embeddings), np.int64)
    for _ in range(PASSES):
        cluster = squared_distances(embeddings, centres).argmin(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, cluster, embeddings)
        sizes = np.bincount(cluster, minlength=count)[:, None]
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres).astype(np.float32)
    return cluster


def squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (n, m) squared Euclidean distances of (n, q) and (m, q) embeddings."""
    squares: NDArray[np.float32] = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return squares
