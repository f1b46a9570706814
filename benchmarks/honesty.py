"""How often the figures shown of a model are honest: their 95 % intervals cover the truth, the calibration error lies in its band.

The truth must be known to see that. So some people are for training, and all others *are* the population: its figure is known without
an error. Audit people are drawn from it with replacement, as the people of a project are drawn from a world without end (a person drawn
twice counts as two), which is what any interval assumes; nothing of the truth's own sampling is left to correct for. A replay is one such
draw, measured by the product's own code. Classes that no audit image shows are not in the figure that is shown, so the truth
beside it is that of the same classes; how often one is missing, and what the interval covers of the figure over all classes, stand beside.

Replays of one model share its people and are not independent of each other: MODELS models, each on people of its own draw,
with DRAWS audits each. The intervals of the coverage are those of models drawn with replacement. The seeds had no part in choosing the method
(docs/lab/experiments.md). Without the development data, and with --small, there are no faces but numbers, and the figures mean nothing.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.cli import main as facelabel
from annotator.domain.metrics.audit import difference
from annotator.domain.metrics.audit import measure as measure_audit
from benchmarks.preset import faces_of_people
from benchmarks.support.data import CELEBA, ROOT
from benchmarks.support.lesson_data import command, export
from benchmarks.support.report import Figures, Size
from trainer.cli.group import DEFAULT_CACHE
from trainer.data.snapshot import Snapshot
from trainer.evaluation.class_metrics import confusion_by_group, describe
from trainer.simulate.problem import Problem, read_problem
from trainer.simulate.replay import fit_heads
from trainer.stats.calibration import calibration
from trainer.stats.class_balanced import balanced_answers

UTKFACE = CELEBA.with_name("utkface")
MODELS, DRAWS = 40, 10
FIRST_SEED = 100
"""Smaller ones were used to choose the method."""
TRAIN_PEOPLE, TRAIN_IMAGES, EARLIER_IMAGES = 0.3, 500, 200
"""Share of the people a model may learn from, and how many of their images it does: its temperatures come from these, too. An
earlier model has learned from the first of them, to measure the difference of two rounds."""
FIGURES = ("accuracy", "balanced accuracy", "difference")
CALIBRATED_ON = 500
"""Images that the calibration error is measured on."""


@dataclass(frozen=True)
class Audit:
    """An audit set: so many people drawn, and of their images at most so many; 0 for all."""

    people: int
    images: int


@dataclass(frozen=True)
class Source:
    """Faces with labels, and the audit sets that are drawn of them."""

    name: str
    problem: Problem
    audits: list[Audit]


@dataclass(frozen=True)
class Model:
    """What a model answers to the population, by attribute: probabilities, and the class-balanced answers."""

    p: dict[str, NDArray[np.float64]]
    balanced: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Shown:
    """What one replay showed of one attribute, beside the truth.

    Attributes:
        interval: Low and high end by figure; none if the product shows none.
        truth: By figure, that of the classes the audit images show.
        whole: Balanced accuracy of the population over all its classes.
        missing: Whether a class of the population is not among the audit images.
    """

    interval: dict[str, tuple[float, float] | None]
    truth: dict[str, float]
    whole: float
    missing: bool


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        sources = [made_up()] if size == "small" or not CELEBA.is_dir() else real_faces(Path(folder))
    models, draws = (2, 3) if size == "small" else (MODELS, DRAWS)
    tables: Figures = {"95 % intervals": [], "calibration error": []}
    for source in sources:
        shown: dict[tuple[Audit, str], list[list[Shown]]] = {}
        honest: dict[str, list[list[tuple[float, float, float]]]] = {}
        for seed in range(FIRST_SEED, FIRST_SEED + models):
            population, model, earlier = trained(source.problem, seed)
            for audit in source.audits:
                for name, found in replays(population, model, earlier, audit, seed, draws).items():
                    shown.setdefault((audit, name), []).append(found)
            for name, errors in calibrations(population, model.p, seed, draws).items():
                honest.setdefault(name, []).append(errors)
        tables["95 % intervals"] += [
            row(source.name, audit, name, figure, found)
            for (audit, name), found in shown.items()
            for figure in FIGURES
        ]
        tables["calibration error"] += [calibration_row(source.name, n, found) for n, found in honest.items()]
    return tables


def real_faces(folder: Path) -> list[Source]:
    """CelebA, where a person has 18 images, and UTKFace, where everybody has one."""
    celeba = read_faces(faces_of_people(folder, small=False))
    examples = ROOT / "docs" / "examples" / "utkface"
    project = ["-p", folder / "utkface"]
    command(facelabel, "init", "--schema", examples / "attributes.toml", *project)
    command(facelabel, "import", UTKFACE / "images", *project)
    command(facelabel, "import", UTKFACE / "labels.csv", "--map", examples / "map.toml", *project)
    utkface = read_faces(export(folder / "utkface", folder / "utkface-snapshot"))
    return [
        # 33 of 330 people are what the default test share of a tenth is.
        Source("celeba", celeba, [Audit(33, 200), Audit(33, 0), Audit(100, 500), Audit(100, 0)]),
        Source("utkface", utkface, [Audit(200, 0), Audit(500, 0)]),
    ]


def read_faces(snapshot: Path) -> Problem:
    """The faces of a snapshot with the features that rounds use."""
    return read_problem(Snapshot.open(snapshot), DEFAULT_CACHE.expanduser(), lambda _: None)


def made_up() -> Source:
    """Numbers instead of faces: two attributes, one of them rare, of people who are alike in themselves."""
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(120), 5)
    points = (random.normal(size=(120, 12))[person] + random.normal(size=(600, 12))).astype(np.float32)
    labels = {
        "common": (points[:, 0] + random.normal(size=600) > 0).astype(np.int64),
        "rare": (points[:, 1] + random.normal(size=600) > 2).astype(np.int64),
    }
    names = np.array([f"{n}.jpg" for n in range(600)])
    problem = Problem(names, person.astype(str), points, labels, {"common": 2, "rare": 2})
    return Source("made up", problem, [Audit(33, 0)])


def trained(problem: Problem, seed: int) -> tuple[Problem, Model, Model]:
    """The population, a model that has learned from images of other people, and one that has learned from fewer of these."""
    random = np.random.default_rng([seed, 21])
    people = np.unique(problem.groups)
    known = np.isin(problem.groups, random.permutation(people)[: round(TRAIN_PEOPLE * len(people))])
    rows, population = random.permutation(np.flatnonzero(known)), problem.take(np.flatnonzero(~known))
    models = []
    for images in (TRAIN_IMAGES, EARLIER_IMAGES):
        train = problem.take(rows[:images])
        heads = fit_heads(train.embeddings, train.labels, train.groups, problem.classes, seed)
        p = {name: found.astype(np.float64) for name, found in heads.answer(population.embeddings).items()}
        balanced = {name: balanced_answers(found, heads.prior[name]) for name, found in p.items()}
        models.append(Model(p, balanced))
    return population, models[0], models[1]


def audit_draws(
    population: Problem, audit: Audit, random: np.random.Generator, draws: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows of the population, and the number of the drawn person that each is of."""
    _, member = np.unique(population.groups, return_inverse=True)
    images = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    for _ in range(draws):
        drawn = [images[person] for person in random.integers(0, len(images), audit.people)]
        rows, person = np.concatenate(drawn), np.repeat(np.arange(audit.people), [len(r) for r in drawn])
        kept = random.permutation(len(rows))[: audit.images or len(rows)]
        yield rows[kept], person[kept]


def replays(
    population: Problem, model: Model, earlier: Model, audit: Audit, seed: int, draws: int
) -> dict[str, list[Shown]]:
    """Attribute → what every draw of an audit set showed."""
    found: dict[str, list[Shown]] = {name: [] for name in model.p}
    random = np.random.default_rng([seed, audit.people, audit.images])
    for rows, person in audit_draws(population, audit, random, draws):
        for name in model.p:
            cells = population.labels[name][rows] >= 0
            found[name].append(shown_of(population, model, earlier, name, rows[cells], person[cells], audit))
    return found


def shown_of(
    population: Problem,
    model: Model,
    earlier: Model,
    name: str,
    rows: NDArray[np.int64],
    person: NDArray[np.int64],
    audit: Audit,
) -> Shown:
    """What the audit images shown by `rows` say of an attribute, and the truth."""
    labels, classes = population.labels[name], population.classes[name]
    now, before = (
        measure_audit(m.balanced[name][rows], labels[rows], classes, person, audit.people)
        for m in (model, earlier)
    )
    _, *ends = difference(now, before) or (None, None, None)
    said = model.p[name].argmax(axis=1)
    # Accuracy is shown by `trainer evaluate` and the reports, which have the same method.
    confusion = confusion_by_group(said[rows], labels[rows], person.astype(str), classes)
    told = describe(confusion, list(range(classes)))["accuracy_interval"] or (None, None)
    recalls, recalls_before = (
        {c: float((m.balanced[name] == labels)[labels == c].mean()) for c in np.unique(labels[labels >= 0])}
        for m in (model, earlier)
    )
    there = np.unique(labels[rows])
    balanced, balanced_before = (float(np.mean([r[c] for c in there])) for r in (recalls, recalls_before))
    intervals = dict(zip(FIGURES, (told, (now.low, now.high), ends), strict=True))
    return Shown(
        interval={figure: None if low is None else (low, high) for figure, (low, high) in intervals.items()},
        truth={
            "accuracy": float((said == labels)[labels >= 0].mean()),
            "balanced accuracy": balanced,
            "difference": balanced - balanced_before,
        },
        whole=float(np.mean(list(recalls.values()))),
        missing=len(there) < len(recalls),
    )


def calibrations(
    population: Problem, answers: dict[str, NDArray[np.float64]], seed: int, draws: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Attribute → per draw of people with CALIBRATED_ON images or somewhat more: the error and the band's two ends; nobody is drawn twice."""
    random = np.random.default_rng([seed, 33])
    people, member = np.unique(population.groups, return_inverse=True)
    sizes = np.bincount(member)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in answers}
    for _ in range(draws):
        order = random.permutation(len(people))
        enough = order[: int(np.searchsorted(np.cumsum(sizes[order]), CALIBRATED_ON)) + 1]
        rows = np.flatnonzero(np.isin(member, enough))
        for name, p in answers.items():
            own = rows[population.labels[name][rows] >= 0]
            said = calibration(p[own], population.labels[name][own], member[own])
            assert said is not None
            found[name].append((said.error, said.null_low, said.null_high))
    return found


def row(source: str, audit: Audit, name: str, figure: str, found: list[list[Shown]]) -> dict[str, Any]:
    """One attribute and figure: how often its interval covers the truth, and how wide it is."""
    with_interval = [[s for s in of_model if s.interval[figure]] for of_model in found]
    covers = [[within(s.interval[figure], s.truth[figure]) for s in of_model] for of_model in with_interval]
    every = [s for of_model in with_interval for s in of_model]
    ends = np.array([s.interval[figure] for s in every], dtype=float).reshape(-1, 2)
    whole = [within(s.interval[figure], s.whole) for s in every] if figure == "balanced accuracy" else None
    return {
        "faces": source,
        "people": audit.people,
        "images": audit.images or "all",
        "attribute": name,
        "figure": figure,
        "replays": len(every),
        "no interval": sum(map(len, found)) - len(every),
        **share(covers),
        "truth below it": share_of([s.truth[figure] < e[0] for s, e in zip(every, ends, strict=True)]),
        "truth above it": share_of([s.truth[figure] > e[1] for s, e in zip(every, ends, strict=True)]),
        "mean width": round(float((ends[:, 1] - ends[:, 0]).mean()), 4),
        "class missing": share_of([s.missing for s in every]),
        "covers all classes": None if whole is None else share_of(whole),
    }


def calibration_row(source: str, name: str, found: list[list[tuple[float, float, float]]]) -> dict[str, Any]:
    """One attribute: how often the calibration error is no larger than chance explains."""
    every = np.array([measured for of_model in found for measured in of_model])
    inside = [[error <= high for error, _, high in of_model] for of_model in found]
    return {
        "faces": source,
        "attribute": name,
        "replays": len(every),
        **share(inside),
        "below the band": share_of(every[:, 0] < every[:, 1]),
        "mean error": round(float(every[:, 0].mean()), 4),
        "mean upper end": round(float(every[:, 2].mean()), 4),
    }


def within(interval: tuple[float, float] | None, truth: float) -> bool:
    """Whether an interval covers a figure; what is shown is rounded to six digits."""
    return interval is not None and interval[0] - 1e-6 <= truth <= interval[1] + 1e-6


def share(hits: list[list[bool]]) -> dict[str, float]:
    """How many of all are true, and the 95 % interval of models drawn with replacement."""
    right = np.array([sum(of_model) for of_model in hits], float)
    there = np.array([len(of_model) for of_model in hits], float)
    times = np.random.default_rng(0).multinomial(len(hits), np.full(len(hits), 1 / len(hits)), 2000)
    low, high = np.percentile((times @ right) / np.maximum(times @ there, 1), [2.5, 97.5])
    return {
        "covered": round(float(right.sum() / max(there.sum(), 1)), 3),
        "from": round(float(low), 3),
        "to": round(float(high), 3),
    }


def share_of(hits: Any) -> float:
    """The share that is true."""
    return round(float(np.mean(hits)), 3) if len(hits) else 0.0
