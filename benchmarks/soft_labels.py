"""What a probe learns from the answers of several labellers who err: majority, Dawid-Skene's labels, and soft labels.

CelebA's faces with the features of `trainer simulate`; eight simulated labellers answer 1,000 images, and the answers of each
image become a label in one of these ways. Balanced accuracy is measured by true labels on people set aside. Without the
development data, and with --small, numbers stand for faces and the figures mean nothing.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.honesty import faces_of_people, made_up, read_faces
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size
from benchmarks.support.simulated_labellers import Numbers, draw_answerers, model_of
from trainer.probe.linear_heads import fit_heads
from trainer.simulate.problem import Problem
from trainer.stats.class_balanced import balanced_answers

LABELLERS, ASIDE = 8, 0.3
WAYS = ("true labels", "first answer", "majority", "Dawid-Skene", "soft labels")
Answered = tuple[dict[str, dict[str, Numbers]], dict[str, NDArray[np.float32]]]
"""Way → attribute → labels, and attribute → soft labels."""


def measure(size: Size) -> Figures:
    images, seeds = (60, 1) if size == "small" else (1000, 10)
    with tempfile.TemporaryDirectory() as name:
        small = size == "small" or not CELEBA.is_dir()
        problem = made_up().problem if small else read_faces(faces_of_people(Path(name), small=False))
    return {
        f"{images:,} images, {answers} answers each, {title}": compared(
            problem, images, answers, seeds, hard=hard
        )
        for title, hard in (("independent errors", False), ("8 % of the cells mislead everybody", True))
        for answers in ((2,) if size == "small" else (1, 2, 3))
    }


def compared(problem: Problem, images: int, answers: int, seeds: int, *, hard: bool) -> list[dict[str, Any]]:
    """A row per way: the mean balanced accuracy over the seeds of every attribute, and of all."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        random = np.random.default_rng([seed, 3])
        people = np.unique(problem.groups)
        aside = np.isin(problem.groups, people[random.random(len(people)) < ASIDE])
        test = problem.take(np.flatnonzero(aside))
        train = problem.take(random.permutation(np.flatnonzero(~aside))[:images])
        labels, soft = answered(train, answers, random, hard=hard)
        for way in WAYS:
            learned = labels["Dawid-Skene" if way == "soft labels" else way]
            heads = fit_heads(
                torch.from_numpy(train.embeddings),
                learned,
                train.groups,
                train.classes,
                seed,
                views=train.views,
                soft=soft if way == "soft labels" else None,
            )
            found[way].append({name: rated(test, name, head) for name, head in heads.items()})
    base = np.array([np.mean(list(one.values())) for one in found["majority"]])
    rows = []
    for way, of_seeds in found.items():
        means = np.array([np.mean(list(one.values())) for one in of_seeds])
        row: dict[str, Any] = {"labels": way, "mean": round(float(means.mean()), 4)}
        if seeds > 1:
            error = (means - base).std(ddof=1) / np.sqrt(seeds)
            row["against majority"] = f"{(means - base).mean():+.4f} ± {error:.4f}"
        rows.append(row | {n: round(float(np.mean([one[n] for one in of_seeds])), 3) for n in of_seeds[0]})
    return rows


def rated(test: Problem, name: str, head: Any) -> float:
    """The balanced accuracy of class-balanced answers."""
    p = head.answer(torch.from_numpy(test.embeddings))
    known = test.labels[name] >= 0
    labels = test.labels[name][known]
    right = balanced_answers(p[known], head.expected_prior(p)) == labels
    return float(np.mean([right[labels == code].mean() for code in np.unique(labels)]))


def answered(train: Problem, answers: int, random: np.random.Generator, *, hard: bool) -> Answered:
    """Let labellers answer, and make labels of their answers; cells without a true label stay open."""
    ways: dict[str, dict[str, Numbers]] = {way: {} for way in WAYS}
    soft = {}
    for name, truth in train.labels.items():
        classes, rows = train.classes[name], np.flatnonzero(truth >= 0)
        people = np.array([random.permutation(LABELLERS)[:answers] for _ in rows])
        answerers = draw_answerers(truth[rows], classes, LABELLERS, random, hard=hard)
        image, labeller = np.repeat(np.arange(len(rows)), answers), people.ravel()
        codes = answerers.answer(labeller, image, random)
        model = model_of(*measured_by(image, labeller, codes, answerers, random, answers), classes)
        p = model.posteriors(image, labeller, codes)[:, [model.codes.index(code) for code in range(classes)]]
        p /= p.sum(axis=1, keepdims=True)
        votes = np.zeros((len(rows), classes))
        np.add.at(votes, (image, codes), 1)
        votes[np.arange(len(rows)), codes[::answers]] += 0.5  # the label, until a majority outvotes it
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


def measured_by(
    image: Numbers,
    labeller: Numbers,
    codes: Numbers,
    answerers: Any,
    random: np.random.Generator,
    answers: int,
) -> tuple[Numbers, Numbers, Numbers]:
    """The answers that the labellers are measured by: all; with one answer an image, a tenth of the images get two more."""
    if answers > 1:
        return image, labeller, codes
    some = random.permutation(len(image))[: len(image) // 10]
    further = np.array([[p for p in random.permutation(LABELLERS) if p != labeller[i]][:2] for i in some])
    more = np.repeat(some, 2)
    new = answerers.answer(further.ravel(), more, random)
    return np.r_[image, more], np.r_[labeller, further.ravel()], np.r_[codes, new]
