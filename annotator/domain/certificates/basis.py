"""Everything that a decision rests on, as JSON, from which the same decision follows again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.decision import (
    CANNOT_TELL,
    OUTSIDE,
    UNANSWERED,
    Decision,
    Sample,
    decide,
)
from annotator.domain.certificates.target import Allowance, Target

_NO_VALUE = {CANNOT_TELL: -1, UNANSWERED: -2, OUTSIDE: -3}


def basis_json(
    codes: Sequence[int],
    population: NDArray[np.integer[Any]],
    sample: Sample,
    labelled_counts: NDArray[np.integer[Any]],
    images: int,
    allowance: Allowance | None = None,
) -> dict[str, Any]:
    """Return the arguments of `decide` as a JSON object.

    Its `sample` has a row for each smallest set, value and answer: set, code, code of the answer (-1: can't tell, -2: not answered
    blind, -3: the image is no longer in the dataset) and number of cells.

    Args:
        codes: The codes of the values; (values,).
        population: As in `decide`.
        sample: As in `decide`.
        labelled_counts: As in `decide`.
        images: As in `decide`.
        allowance: As in `decide`.
    """
    places = dict(enumerate(codes)) | _NO_VALUE
    cells = Counter(zip(sample.levels.tolist(), sample.values.tolist(), sample.labels.tolist(), strict=True))
    rows = [[level, places[value], places[label], n] for (level, value, label), n in cells.items()]
    return {
        "allowance": asdict(allowance or Allowance()),
        "codes": list(codes),
        "images": images,
        "labelled_counts": [int(number) for number in labelled_counts],
        "population": [[int(number) for number in row] for row in population],
        "sample": sorted(rows),
    }


def decide_again(basis: Mapping[str, Any], target: Target, attempt: int) -> Decision:
    """Decide from what `basis_json` returned.

    Raises:
        KeyError, TypeError, ValueError: if it is something else.
    """
    codes = [*basis["codes"], *_NO_VALUE.values()]
    places = dict(zip(codes, [*range(len(basis["codes"])), *_NO_VALUE], strict=True))
    rows = [
        (level, places[code], places[answer])
        for level, code, answer, cells in basis["sample"]
        for _ in range(cells)
    ]
    levels, values, labels = np.array(rows, np.int64).reshape(-1, 3).T
    population = np.array(basis["population"], np.int64).reshape(-1, len(basis["codes"]))
    labelled = np.array(basis["labelled_counts"], np.int64)
    allowance = Allowance(**basis["allowance"])
    sample = Sample(levels, values, labels)
    return decide(population, sample, labelled, basis["images"], target, attempt, allowance)
