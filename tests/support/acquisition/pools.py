"""Pools of unlabelled images, as a query strategy sees them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition import Pool
from trainer.acquisition.pool import groups_by_class
from trainer.data.snapshot import UNLABELLED


def pool(images: int = 60, seed: int = 0, **changes: object) -> Pool:
    """Return two attributes with some labelled cells, some images of the test split, and three kinds of faces."""
    random = np.random.default_rng(seed)
    committee = {
        name: random.dirichlet(np.full(classes, 0.4), (3, images)).astype(np.float32)
        for name, classes in (("glasses", 2), ("hair", 5))
    }
    cells = {"glasses": random.random(images) < 0.8, "hair": random.random(images) < 0.6}
    test = random.random(images) < 0.2
    work = cells["glasses"] | cells["hair"]
    labels = {
        name: np.where(open_cells, UNLABELLED, random.integers(0, 2, images))
        for name, open_cells in cells.items()
    }
    made = Pool(
        probabilities={name: answers.mean(axis=0) for name, answers in committee.items()},
        cells=cells,
        work=work & ~test,
        audit=np.flatnonzero(work & test),
        labelled=~(cells["glasses"] & cells["hair"]),
        labels={name: np.where(test, UNLABELLED, column) for name, column in labels.items()},
        counts={"glasses": np.array([9, 3]), "hair": np.array([5, 4, 2, 1, 0])},
        groups=np.array([f"identity:{person}" for person in random.integers(0, 30, images)]),
        embeddings=random.normal(size=(images, 4)).astype(np.float32)
        + 9 * np.eye(4, dtype=np.float32)[random.integers(0, 3, images)],
        committee=committee,
        dropout=committee,
        seed=seed,
    )
    return replace(made, **changes)


def one_attribute(p: NDArray[np.floating], labels: NDArray[np.int64], **changes: object) -> Pool:
    """Return a pool with one attribute, `hair`, without test split; every image is a group."""
    images, is_open = len(p), labels < 0
    groups = np.array([f"image:{number:05}" for number in range(images)])
    made = Pool(
        probabilities={"hair": p.astype(np.float32)},
        cells={"hair": is_open},
        work=is_open,
        audit=np.empty(0, np.int64),
        labelled=~is_open,
        labels={"hair": labels},
        counts={"hair": groups_by_class(labels, groups, p.shape[1])},
        groups=groups,
        embeddings=None,
        committee=None,
        dropout=None,
        seed=0,
    )
    return replace(made, **changes)
