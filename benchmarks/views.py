"""What a probe learns from views of the face and from whole images, on people whom it has not seen.

Portraits with wrinkles and freckles, whole photos, recipe s3's five people, and CelebA's crops; faces, views, features and
heads by the product's own commands and engine. Without the development data, and with --small, faces are drawn and the
figures mean nothing.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import preset
from benchmarks.support import view_data
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size
from trainer.data.snapshot import Snapshot
from trainer.evaluation.roc_auc import auroc
from trainer.rounds.engines import probe
from trainer.stats.class_balanced import balanced_answers

FOLDS, SEEDS = 5, 3
LABELLED = 1000
"""Labelled CelebA images, as in benchmarks/preset.py."""
Part = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]
"""Labels, answers and scores of the images that one model has not seen."""
Trials = Iterator[tuple[int, Snapshot]]
"""Seed, and the snapshot whose split `test` is asked about. The trials of one seed are measured together."""


@dataclass(frozen=True)
class Job:
    """A row's name, the snapshot, and its divisions into train and test."""

    name: str
    snapshot: Snapshot
    trials: Callable[[Snapshot], Trials]


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if size == "small" or not CELEBA.is_dir():
            jobs = iter([Job("drawn", view_data.drawn(folder).snapshot(folder / "project"), one_fold)])
        else:
            jobs = real_jobs(folder)
        rows = [row for job in jobs for row in compare(job, folder / "cache", folder / "runs")]
    return {"views of the face against whole images": rows}


def real_jobs(folder: Path) -> Iterator[Job]:
    """Every job with its data; one at a time, because a project of each is made."""
    yield Job("skin, five-fold by person", view_data.skin().snapshot(folder / "skin"), folds)
    yield Job("whole photos, five-fold by person", view_data.whole_photos().snapshot(folder / "wild"), folds)
    mixed = view_data.crops_then_photos(folder / "crops").snapshot(folder / "mixed")
    yield Job("2,000 aligned crops, then whole photos", mixed, crops_teach)
    five = view_data.five_celebrities().snapshot(folder / "five")
    yield Job("five celebrities, their own split", five, named_splits)
    faces = preset.faces_of_people(folder / "celeba", small=False)
    yield Job(f"CelebA, {LABELLED:,} labelled images", Snapshot.open(faces), people_set_aside)


def folds(snapshot: Snapshot) -> Trials:
    """Every image is asked about once per seed, by a model that has not seen its person."""
    people, of_image = np.unique(snapshot.groups, return_inverse=True)
    for seed in range(SEEDS):
        fold = np.random.default_rng(seed).permutation(len(people)) % FOLDS
        for number in range(FOLDS):
            splits = np.where(fold[of_image] == number, "test", "train")
            yield seed, replace(snapshot, splits=splits)


def one_fold(snapshot: Snapshot) -> Trials:
    """The first fold only."""
    yield next(folds(snapshot))


def crops_teach(snapshot: Snapshot) -> Trials:
    """The aligned crops teach, the whole photos are asked about."""
    crops = np.array([name.startswith(view_data.ALIGNED) for name in snapshot.image_names])
    for seed in range(SEEDS):
        yield seed, replace(snapshot, splits=np.where(crops, "train", "test"))


def named_splits(snapshot: Snapshot) -> Trials:
    """The split that the names tell."""
    teaches = np.array([name.startswith("train_") for name in snapshot.image_names])
    for seed in range(SEEDS):
        yield seed, replace(snapshot, splits=np.where(teaches, "train", "test"))


def people_set_aside(snapshot: Snapshot) -> Trials:
    """The labelled images and the people of benchmarks/preset.py."""
    aside = preset.people_set_aside(snapshot.path)
    for seed in range(SEEDS):
        yield seed, preset.labelled_part(snapshot.path, aside, LABELLED, seed)


def compare(job: Job, cache: Path, runs: Path) -> list[dict[str, Any]]:
    """A row per attribute: whole images beside views, each the mean of the seeds."""
    rows: dict[str, dict[str, Any]] = {}
    for kind, as_seen in (("whole", without_faces), ("views", lambda snapshot: snapshot)):
        for name, figures in measured(job, as_seen, cache, runs).items():
            row = rows.setdefault(name, {"data": job.name, "attribute": name})
            row |= {f"{metric}, {kind}": value for metric, value in figures.items()}
    return list(rows.values())


def without_faces(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if no face had been found in it."""
    return replace(snapshot, landmarks=np.full_like(snapshot.landmarks, np.nan))


def measured(
    job: Job, as_seen: Callable[[Snapshot], Snapshot], cache: Path, runs: Path
) -> dict[str, dict[str, Any]]:
    """Attribute → metrics, the mean of the seeds."""
    answers: dict[tuple[int, str], list[Part]] = {}
    classes: dict[str, int] = {a.name: len(a.codes) for a in job.snapshot.categorical}
    for seed, trial in job.trials(job.snapshot):
        found = probe(as_seen(trial), runs, cache, seed, lambda _: None)
        for name, p in found.probabilities.items():
            rows = np.flatnonzero((trial.splits == "test") & (trial.labels[name] >= 0))
            answered = balanced_answers(p[rows], found.expected_priors[name])
            answers.setdefault((seed, name), []).append((trial.labels[name][rows], answered, p[rows, 1]))
    metrics: dict[str, list[dict[str, float]]] = {}
    for (_, name), parts in answers.items():
        metrics.setdefault(name, []).append(rated(parts, classes[name]))
    return {
        name: {metric: round(float(np.mean([seed[metric] for seed in seeds])), 4) for metric in seeds[0]}
        for name, seeds in metrics.items()
    }


def rated(parts: Sequence[Part], classes: int) -> dict[str, float]:
    """Balanced accuracy and accuracy of all parts, and of a yes-or-no question the area under the ROC curve.

    The area is the mean of the parts'. Ranked together they would be compared across models: where a part has many who
    are positive, its model was taught by few and answers everybody with a lower probability.
    """
    labels, answers = (np.concatenate(column) for column in list(zip(*parts, strict=True))[:2])
    right = labels == answers
    recalls = [right[labels == code].mean() for code in np.unique(labels)]
    rating = {"balanced": float(np.mean(recalls)), "accuracy": float(right.mean())}
    if classes != 2:
        return rating
    areas = [auroc(scores.astype(float), codes == 1) for codes, _, scores in parts]
    known = [area for area in areas if area is not None]
    return rating | {"AUROC": float(np.mean(known))} if known else rating
