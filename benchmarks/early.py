"""After how many labelled images the page says whether an attribute can be filled: a replay like that of `hour`, in finer steps.

Images are answered in a random order, and nothing is filled. At every stop, a fifth more images than at the one before, a model
learns and every attribute is planned. A verdict is "can" or "cannot"; before some thirty audit images are answered there is none.
"First" is the stop of the first verdict, "for good" the stop from which on the verdict stays as it is at the last stop: so many
labels it took to know. The faces, the models and the verdicts are kept as those of `hour`.
"""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from annotator.domain.certificates.target import Target
from benchmarks.honesty import made_up
from benchmarks.hour import (
    ASKED,
    FIRST_SEED,
    RAW,
    SEEDS,
    SOURCES,
    TARGETS,
    Project,
    Run,
    celeba,
    drawn,
    planned,
    read_problem,
    stops_text,
)
from benchmarks.support.data import CELEBA
from benchmarks.support.pieces import Pieces
from benchmarks.support.report import Figures, Size
from trainer.simulate.problem import Problem

STOPS = tuple(round(100 * 1.2**step) for step in range(20))
Verdicts = list[tuple[int, bool]]
"""Stops with a verdict, and whether it says that the attribute can be filled."""


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        if size == "small" or not CELEBA.is_dir():
            return tables(made_up().problem, 1, Pieces(Path(folder)))
    pieces = Pieces(RAW, [*SOURCES, Path(__file__)])
    return tables(read_problem(pieces.arrays("faces", celeba)), SEEDS, pieces)


def tables(problem: Problem, seeds: int, pieces: Pieces) -> Figures:
    """A row for each attribute alone and among all, with the verdicts of each replay."""
    names = [name for name in ASKED if name in problem.labels] or list(problem.labels)
    projects = [drawn(problem, names, FIRST_SEED + seed, pieces, STOPS) for seed in range(seeds)]
    rows = []
    for target in TARGETS:
        for schema in (*([name] for name in names), names):
            told = [
                pieces.result(
                    f"early {'+'.join(schema)} {target.error} {target.recall} {seed}",
                    partial(verdicts, project, schema, target),
                )
                for seed, project in enumerate(projects)
            ]
            rows += [row(name, schema, target, [each[name] for each in told]) for name in schema]
    return {"labelled images until it is known whether an attribute can be filled": rows}


def verdicts(project: Project, names: Sequence[str], target: Target) -> dict[str, Verdicts]:
    """Plan every attribute at every stop."""
    told: dict[str, Verdicts] = {name: [] for name in names}
    known = {name: project.problem.labels[name] >= 0 for name in names}
    for stop, model in project.models.items():
        later = np.arange(len(project.problem.names)) >= stop
        run = Run(names, {name: column & later for name, column in known.items()}, {})
        for name in names:
            if name in model:
                _, made = planned(project, run, name, model, target)
                if made != "few_checked":
                    told[name].append((stop, not isinstance(made, str)))
    return told


def row(name: str, names: Sequence[str], target: Target, told: Sequence[Verdicts]) -> dict[str, Any]:
    """When there was a verdict of an attribute, and when the last one; "times": how many times as many labels as for the first."""
    first = [each[0][0] if each else None for each in told]
    good = [for_good(each) for each in told]
    times = [g / f for f, g in zip(first, good, strict=True) if f and g]
    return {
        "attribute": name,
        "attributes": len(names),
        "target error": target.error,
        "recall": target.recall,
        "at last": ", ".join("can" if each[-1][1] else "cannot" for each in told if each),
        "first": stops_text(first),
        "for good": stops_text(good),
        "times": round(max(times), 2) if times else None,
    }


def for_good(told: Verdicts) -> int | None:
    """The stop from which on the verdict stays as it is at the last one; None without any."""
    since = None
    for stop, can in reversed(told):
        if can != told[-1][1]:
            break
        since = stop
    return since
