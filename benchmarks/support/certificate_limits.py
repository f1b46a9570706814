"""Certificates where their promise is as hard to keep as can be: made-up errors, no model."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from annotator.domain.certificates.bounds import tolerated
from annotator.domain.certificates.decision import Sample, decide
from annotator.domain.certificates.target import Target, level_of_attempt


def limit_rows(replays: int) -> Iterator[dict[str, Any]]:
    """Errors laid out so that the promise is as hard to keep as can be: one more than may be left and be seen, in the order of the sets."""
    for images, sample, error in (
        (500, 200, 0.02), (5830, 320, 0.01), (5830, 900, 0.01), (5830, 2000, 0.01), (100_000, 1200, 0.005),
    ):  # fmt: skip
        remaining = round(error * images)
        least = remaining + 1 + tolerated(images, sample, remaining, level_of_attempt(1))
        for errors in (least, 2 * least):
            for sets in (1, 12, errors):
                yield limit_row(images, sample, Target(error, None), errors, sets, replays)


def limit_row(
    images: int, sample: int, target: Target, errors: int, sets: int, replays: int
) -> dict[str, Any]:
    """So many errors, spread evenly over the order of the cells and so over the sets: how often too many are left."""
    random = np.random.default_rng([images, sample, errors, sets])
    levels = np.arange(images) * sets // images + 1
    truths = np.zeros(images, np.int64)
    truths[((np.arange(errors) + 0.5) * images / errors).astype(int)] = 1
    population = np.stack([np.bincount(levels)[1:], np.zeros(sets, np.int64)], axis=1)
    above, filled = [], []
    for _ in range(replays):
        drawn = random.choice(images, sample, replace=False)
        answered = Sample(levels[drawn], np.zeros(sample, np.int64), truths[drawn])
        accepted = decide(population, answered, np.zeros(2, np.int64), images, target).level or 0
        left = levels <= accepted
        left[drawn] = False
        above.append(int(truths[left].sum()) > round(target.error * images))
        filled.append(float(left.mean()))
    return {
        "cells": images,
        "sample": sample,
        "target error": target.error,
        "errors": errors,
        "sets": sets,
        "replays": replays,
        "above the target": round(float(np.mean(above)), 4),
        "filled": round(float(np.mean(filled)), 3),
    }
