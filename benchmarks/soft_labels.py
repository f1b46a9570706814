"""What a probe learns from the answers of several labellers who err: majority, Dawid-Skene's labels, and soft labels.

CelebA's faces with features by the product; eight simulated labellers answer the images of the train people, and the answers of
each image become a label in one of these ways. Balanced accuracy is measured by true labels on people set aside
(benchmarks/preset.py). Without the development data, and with --small, faces are drawn and the figures mean nothing.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import preset
from benchmarks.support.report import Figures, Size
from benchmarks.support.simulated_labellers import Numbers, draw_answerers, model_of
from trainer.data.snapshot import Snapshot
from trainer.networks import build
from trainer.probe.embeddings import PoolEmbeddings, pool_embeddings
from trainer.probe.features import compute_features
from trainer.probe.probe import fit_probe
from trainer.probe.sources import BACKBONE, VIEWS
from trainer.stats.class_balanced import balanced_answers

LABELLERS = 8
WAYS = ("true labels", "first answer", "majority", "Dawid-Skene", "soft labels")
CACHE = Path("~/.cache/facelabel").expanduser()


def measure(size: Size) -> Figures:
    images, seeds = (60, 1) if size == "small" else (1000, 8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = preset.faces_of_people(folder, small=size == "small")
        test, snapshot = preset.people_set_aside(faces), Snapshot.open(faces)
        cache = folder / "cache" if size == "small" else CACHE
        backbone = build(BACKBONE, pretrained=True, seed=0)
        pool = pool_embeddings(compute_features(snapshot, backbone, cache, VIEWS))
        return {
            f"{images:,} images, {answers} answers each, {title}": compared(
                faces, test, pool, images, answers, seeds, hard=hard
            )
            for title, hard in (("independent errors", False), ("8 % of the cells mislead everybody", True))
            for answers in ((2,) if size == "small" else (1, 2, 3, 5))
        }


def compared(
    faces: Path,
    test: NDArray[np.str_],
    pool: PoolEmbeddings,
    images: int,
    answers: int,
    seeds: int,
    *,
    hard: bool,
) -> list[dict[str, Any]]:
    """A row per way: the mean balanced accuracy over the seeds of every attribute, and of all."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        snapshot = preset.labelled_part(faces, test, images, seed)
        labels, soft = answered(snapshot, answers, seed, hard=hard)
        for way in WAYS:
            seen = replace(snapshot, labels=labels["Dawid-Skene" if way == "soft labels" else way])
            model = fit_probe(seen, pool, seed, soft=soft if way == "soft labels" else None)
            p = model.answer_pool(pool)
            found[way].append({name: rated(snapshot, name, p[name], model.pool_heads[name]) for name in p})
    rows = []
    base = np.array([np.mean(list(one.values())) for one in found["majority"]])
    for way, of_seeds in found.items():
        means = np.array([np.mean(list(one.values())) for one in of_seeds])
        gain = means - base
        row: dict[str, Any] = {"labels": way, "mean": round(float(means.mean()), 4)}
        row["against majority"] = (
            f"{gain.mean():+.4f} ± {gain.std(ddof=1) / np.sqrt(seeds):.4f}" if seeds > 1 else ""
        )
        rows.append(row | {n: round(float(np.mean([one[n] for one in of_seeds])), 3) for n in of_seeds[0]})
    return rows


def rated(snapshot: Snapshot, name: str, p: NDArray[np.float32], head: Any) -> float:
    """The balanced accuracy of class-balanced answers on the test people."""
    rows = np.flatnonzero((snapshot.splits == "test") & (snapshot.labels[name] >= 0))
    answers = balanced_answers(p[rows], head.expected_prior(p))
    right, labels = answers == snapshot.labels[name][rows], snapshot.labels[name][rows]
    return float(np.mean([right[labels == code].mean() for code in np.unique(labels)]))


def answered(
    snapshot: Snapshot, answers: int, seed: int, *, hard: bool
) -> tuple[dict[str, dict[str, Numbers]], dict[str, NDArray[np.float32]]]:
    """Way → attribute → labels of the train images, and the soft labels."""
    random = np.random.default_rng([seed, 3])
    ways: dict[str, dict[str, Numbers]] = {way: {} for way in WAYS}
    soft = {}
    for attribute in snapshot.categorical:
        name, classes = attribute.name, len(attribute.values)
        truth = snapshot.labels[name]
        rows = np.flatnonzero((snapshot.splits == "train") & (truth >= 0))
        people = np.array([random.permutation(LABELLERS)[:answers] for _ in rows])
        answerers = draw_answerers(np.maximum(truth, 0), classes, LABELLERS, random, hard=hard)
        image, labeller = np.repeat(np.arange(len(rows)), answers), people.ravel()
        codes = answerers.answer(labeller, rows[image], random)
        model = model_of(*measured(image, labeller, codes, answerers, rows, random, answers), classes)
        places = [model.codes.index(code) for code in range(classes)]
        p = model.posteriors(image, labeller, codes)[:, places]
        p /= p.sum(axis=1, keepdims=True)
        votes = np.zeros((len(rows), classes))
        np.add.at(votes, (image, codes), 1)
        votes[np.arange(len(rows)), codes[::answers]] += (
            0.5  # the first answer is the label until a majority outvotes it
        )
        for way, labels in (
            ("true labels", truth[rows]),
            ("first answer", codes[::answers]),
            ("majority", votes.argmax(axis=1)),
            ("Dawid-Skene", p.argmax(axis=1)),
        ):
            ways[way][name] = truth.copy()
            ways[way][name][rows] = labels
        soft[name] = np.zeros((len(truth), classes), np.float32)
        soft[name][rows] = p
    return ways, soft


def measured(
    image: Numbers,
    labeller: Numbers,
    codes: Numbers,
    answerers: Any,
    rows: Numbers,
    random: Any,
    answers: int,
) -> tuple[Numbers, Numbers, Numbers]:
    """The answers that the labellers are measured by: all; with one answer an image, a tenth of the images get two more."""
    if answers > 1:
        return image, labeller, codes
    some = random.permutation(len(rows))[: len(rows) // 10]
    further = np.array([[p for p in random.permutation(LABELLERS) if p != labeller[i]][:2] for i in some])
    more = np.repeat(some, 2)
    new = answerers.answer(further.ravel(), rows[more], random)
    return np.r_[image, more], np.r_[labeller, further.ravel()], np.r_[codes, new]
