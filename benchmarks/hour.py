"""Person-minutes until a dataset of faces is finished: certified filling, the rest in Sweep or not, suggestions only, and plain.

A replay of labelling CelebA with the product's trainer, plans and decisions. Images are answered in a random order; a tenth of them,
whole people, are the audit images, which have no suggestions. At every stop a model learns from all labels of the other people,
and its values are suggested from then on. With certified filling, every attribute is then planned on the audit labels. The samples
of all plans that the page offers are drawn in one random order and asked blind, and the decisions fill cells or do not. An image
without an open cell costs nothing. Filled cells are compared with the truth at the end.

It takes some minutes of processor time once the features are cached. Its pieces (the faces with their features, a model a stop, a replay) are kept in
results/hour/raw, so that an interrupted run goes on where it was.

What an answer costs is the model of benchmarks/person.py, which presses the keys of the real page: a look at the image, a key for a cell
without a suggestion, none for a right suggestion, one or two for a wrong one, and Enter. A replay knows the true labels: nobody errs.
In Sweep, a cell costs a GLANCE, and a wrong one two keys more. That is an assumption, not measured. Once something is filled, images
are answered there if their open cells are so few that it is faster; audit images never are.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import annotator.domain.certificates as rules
from annotator.domain.certificates.decision import Sample, decide
from annotator.domain.certificates.ladder import Checked
from annotator.domain.certificates.plan import Plan, Shortfall, plan
from annotator.domain.certificates.search import Seconds
from annotator.domain.certificates.target import Target
from annotator.services.certificates.pace import Pace
from annotator.services.certificates.plan import LEAST_SHARE
from benchmarks import person
from benchmarks.certificates import people_of
from benchmarks.honesty import made_up
from benchmarks.person import KEY, LOOK
from benchmarks.support.certificate_data import CELEBA_NAMES, real_faces
from benchmarks.support.data import CELEBA
from benchmarks.support.pieces import Arrays, Pieces
from benchmarks.support.report import RESULTS, Figures, Size
from trainer.simulate.problem import Problem
from trainer.simulate.replay import fit_heads

STOPS = (100, 200, 400, 800, 1600, 3200)
"""Labelled images, the audit images among them, after which a model learns and the plans are made."""
AUDIT_SHARE = 0.1
TARGETS = (Target(error=0.02, recall=0.95), Target(error=0.02, recall=None))
ASKED = ("glasses", "male", "hair_color", "hair_top", "young")
SEEDS = 3
FIRST_SEED = 900
ATTEMPTS = 3
GLANCE = 0.4
"""Seconds to judge a face in a page of Sweep."""
WAYS = PLAIN, SUGGESTED, CERTIFIED, SWEPT = (
    "plain",
    "suggestions only",
    "certified filling",
    "filling, rest in Sweep",
)
CAN, FAILED = "certified", "sample failed"
RAW = RESULTS / "hour" / "raw"
SOURCES = [Path(__file__), Path(person.__file__), *Path(rules.__file__).parent.glob("*.py")]
"""What a replay follows from, beside the faces and the models."""

Told = tuple[int, str]
"""A stop, and what was said at it."""
Replay = dict[str, Any]
"""`seconds` of a person, the share of cells `filled`, true `errors` by attribute, and what was `told` of each."""
Answers = dict[str, NDArray[np.float32]]
"""By attribute, the model's probabilities of all images; (images, values)."""


@dataclass(frozen=True)
class Project:
    """One replay's images, in the order in which they are answered, and what the models of the stops say.

    Attributes:
        audit: Whether an image is one of the audit images; (images,).
        models: By stop, the answers of the model that learned from the images before it.
    """

    problem: Problem
    audit: NDArray[np.bool_]
    models: dict[int, Answers]


@dataclass
class Run:
    """How far a replay is. `open`: cells that are asked; `filled`: the values of filled ones, -1 for others; by attribute."""

    names: Sequence[str]
    open: dict[str, NDArray[np.bool_]]
    filled: dict[str, NDArray[np.int64]]
    seconds: float = 0.0
    attempts: dict[str, int] = field(default_factory=dict)
    told: dict[str, list[Told]] = field(default_factory=dict)


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        if size == "small" or not CELEBA.is_dir():
            return tables(made_up().problem, 1, Pieces(Path(folder)))
    pieces = Pieces(RAW, SOURCES)
    return tables(read_problem(pieces.arrays("faces", celeba)), SEEDS, pieces)


def celeba() -> Arrays:
    """The faces of CelebA as arrays, see `read_problem`."""
    with tempfile.TemporaryDirectory() as folder:
        problem = real_faces(Path(folder), CELEBA_NAMES).problem
    labels = {f"labels {name}": problem.labels[name] for name in ASKED}
    classes = np.array([problem.classes[name] for name in ASKED])
    kept = {
        "names": problem.names.astype(str),
        "groups": problem.groups.astype(str),
        "embeddings": problem.embeddings,
    }
    return kept | labels | {"classes": classes}


def read_problem(faces: Arrays) -> Problem:
    """The problem that `celeba` made."""
    labels = {name: faces[f"labels {name}"] for name in ASKED}
    classes = dict(zip(ASKED, faces["classes"].tolist(), strict=True))
    return Problem(faces["names"], faces["groups"], faces["embeddings"], labels, classes)


def tables(problem: Problem, seeds: int, pieces: Pieces) -> Figures:
    """Every attribute alone, and all together: minutes by way of labelling, and what was certified when, or said to be impossible."""
    names = [name for name in ASKED if name in problem.labels] or list(problem.labels)
    projects = [drawn(problem, names, FIRST_SEED + seed, pieces) for seed in range(seeds)]
    schemas = [*([name] for name in names), names]
    minutes, told = [], []
    for target in TARGETS:
        for schema in schemas:
            runs = {way: replays(projects, schema, way, target, pieces) for way in WAYS}
            minutes.append(row(schema, target, runs))
            told += [told_row(name, schema, target, runs[CERTIFIED]) for name in schema]
    return {"minutes": minutes, "what was told of each attribute": told}


def drawn(
    problem: Problem, names: Sequence[str], seed: int, pieces: Pieces, stops: Sequence[int] = STOPS
) -> Project:
    """Draw the audit people and the order of the images, and train a model at every stop."""
    random = np.random.default_rng([seed, 61])
    audit = people_of(problem, np.arange(len(problem.names)), round(AUDIT_SHARE * len(problem.names)), seed)
    order = random.permutation(len(problem.names))
    ordered, is_audit = problem.take(order), np.isin(order, audit)
    models = {
        stop: pieces.arrays(
            f"model {seed} {stop}", partial(learn, ordered, names, np.flatnonzero(~is_audit[:stop]), seed)
        )
        for stop in stops
        if stop < len(order)
    }
    return Project(ordered, is_audit, models)


def learn(problem: Problem, names: Sequence[str], rows: NDArray[np.int64], seed: int) -> Arrays:
    """Train a model on some images, and let it answer all."""
    labels = {name: problem.labels[name][rows] for name in names}
    taught = {name: column for name, column in labels.items() if len(np.unique(column[column >= 0])) > 1}
    classes = {name: problem.classes[name] for name in taught}
    heads = fit_heads(problem.embeddings[rows], taught, problem.groups[rows], classes, seed, problem.views)
    return heads.answer(problem.embeddings)


def replays(
    projects: Sequence[Project], names: Sequence[str], way: str, target: Target, pieces: Pieces
) -> list[Replay]:
    """One replay of each project."""
    of = f" {target.error} {target.recall}" if way in {CERTIFIED, SWEPT} else ""
    return [
        pieces.result(
            f"{'+'.join(names)} {way}{of} {seed}", partial(replayed, project, names, way, target, seed)
        )
        for seed, project in enumerate(projects)
    ]


def replayed(project: Project, names: Sequence[str], way: str, target: Target, seed: int) -> Replay:
    """Replay labelling, and sum it up."""
    run = replay(project, names, way, target, seed)
    filled = float(np.mean([(values >= 0).mean() for values in run.filled.values()]))
    return {"seconds": run.seconds, "filled": filled, "errors": list(_errors(project, run)), "told": run.told}


def replay(project: Project, names: Sequence[str], way: str, target: Target, seed: int) -> Run:
    """Label until no cell is open."""
    problem, random = project.problem, np.random.default_rng([seed, 62])
    known = {name: problem.labels[name] >= 0 for name in names}
    run = Run(names, known, {name: np.full(len(problem.names), -1) for name in names})
    model: Answers = {}
    start = 0
    for stop in (*project.models, len(problem.names)):
        rows = np.arange(start, stop)
        if way == SWEPT:
            sweep(project, run, rows[~project.audit[rows]], model)
        answer(project, run, rows, model)
        start = stop
        if stop in project.models and way != PLAIN:
            model = project.models[stop]
            if way != SUGGESTED:
                certify(project, run, model, target, stop, random)
    return run


def sweep(project: Project, run: Run, rows: NDArray[np.int64], model: Answers) -> None:
    """Answer some images in Sweep, if something is filled and their open cells are so few that it is faster than the label page."""
    open_ = np.array([run.open[name][rows] for name in run.names])
    is_slower = GLANCE * open_.sum() >= (LOOK + KEY) * open_.any(axis=0).sum()
    if is_slower or all((values < 0).all() for values in run.filled.values()):
        return
    for name in run.names:
        chosen = rows[run.open[name][rows]]
        if name in model:
            wrong = model[name][chosen].argmax(axis=1) != project.problem.labels[name][chosen]
            run.seconds += float(GLANCE * len(chosen) + 2 * KEY * wrong.sum())
            run.open[name] = run.open[name].copy()
            run.open[name][chosen] = False


def answer(
    project: Project, run: Run, rows: NDArray[np.int64], model: Answers, *, blind: bool = False
) -> None:
    """Answer all open cells of some images, and count the seconds."""
    hidden = project.audit[rows] | blind
    keys, asked = np.zeros(len(rows)), np.zeros(len(rows), bool)
    suggested = np.zeros(len(rows), bool)
    for name in run.names:
        is_open = run.open[name][rows]
        shown = is_open & ~hidden & (name in model)
        right = np.zeros(len(rows), bool)
        if name in model:
            right = model[name][rows].argmax(axis=1) == project.problem.labels[name][rows]
        correction = 1 if project.problem.classes[name] == 2 else 2
        keys += np.where(shown, np.where(right, 0, correction), is_open)
        asked |= is_open
        suggested |= shown
        run.open[name] = run.open[name].copy()
        run.open[name][rows] = False
    run.seconds += float((asked * (LOOK + KEY * (keys + suggested))).sum())


@dataclass(frozen=True)
class Cells:
    """An attribute as it stands in a replay.

    Attributes:
        p: The model's probabilities of all images; (images, values).
        open: The rows of the open cells; (cells,).
        counts: Labels of each value; (values,).
        images: Images whose value is known.
    """

    p: NDArray[np.float64]
    open: NDArray[np.int64]
    counts: NDArray[np.int64]
    images: int


def planned(
    project: Project, run: Run, name: str, model: Answers, target: Target
) -> tuple[Cells, Plan | str]:
    """Plan an attribute: what the page would offer, or why it offers nothing."""
    problem, p = project.problem, model[name].astype(np.float64)
    truth = problem.labels[name]
    answered = (truth >= 0) & ~run.open[name]
    checked = np.flatnonzero(answered & project.audit)
    groups = np.unique(problem.groups[checked], return_inverse=True)[1]
    counts = np.bincount(truth[answered], minlength=p.shape[1])
    cells = Cells(p, np.flatnonzero(run.open[name]), counts, int((truth >= 0).sum()))
    made = plan(
        Checked(p[checked], truth[checked], groups, np.ones(len(checked))), p[cells.open], counts, cells.images,
        target, run.attempts.get(name, 0) + 1, seconds_of(len(run.names)),
    )  # fmt: skip
    if isinstance(made, Shortfall):
        return cells, made.reason
    return cells, made if made.filled_if_passed >= LEAST_SHARE * len(cells.open) else "too few cells"


@dataclass(frozen=True)
class Drawn:
    """The sample of an attribute: places among the open cells. `levels`, `values`: of all open cells; `candidates`: places."""

    cells: Cells
    made: Plan
    levels: NDArray[np.int64]
    values: NDArray[np.int64]
    candidates: NDArray[np.int64]
    sample: NDArray[np.int64]


def certify(
    project: Project, run: Run, model: Answers, target: Target, stop: int, random: np.random.Generator
) -> None:
    """Plan all attributes; ask the samples that the page would offer, in one random order; decide and fill."""
    places, samples = random.permutation(len(project.audit)), {}
    for name in run.names:
        if name in model and run.attempts.get(name, 0) < ATTEMPTS and (run.filled[name] < 0).all():
            cells, made = planned(project, run, name, model, target)
            if isinstance(made, str):
                tell(run, name, stop, made)
            else:
                samples[name] = draw(cells, made, places)
    for drawn in samples.values():
        answer(project, run, drawn.cells.open[drawn.sample], model, blind=True)
    for name, drawn in samples.items():
        run.attempts[name] = run.attempts.get(name, 0) + 1
        level = fill(project, run, name, drawn, target)
        tell(run, name, stop, CAN if level else FAILED)


def draw(cells: Cells, made: Plan, places: NDArray[np.int64]) -> Drawn:
    """Draw the sample of a plan: the candidates that come first in the random order of all images, as services/certificates does."""
    p = cells.p[cells.open]
    levels = made.ladder.levels(p)
    candidates = np.flatnonzero(levels > 0)
    first = np.argsort(places[cells.open[candidates]])[: made.sample]
    return Drawn(cells, made, levels, p.argmax(axis=1), candidates, candidates[first])


def fill(project: Project, run: Run, name: str, drawn: Drawn, target: Target) -> int:
    """Decide by the answered sample, and fill; return the number of sets that are filled."""
    cells, levels, values, sample = drawn.cells, drawn.levels, drawn.values, drawn.sample
    population = np.zeros((len(drawn.made.ladder.thresholds), cells.p.shape[1]), np.int64)
    np.add.at(population, (levels[drawn.candidates] - 1, values[drawn.candidates]), 1)
    shown = Sample(levels[sample], values[sample], project.problem.labels[name][cells.open[sample]])
    decision = decide(population, shown, cells.counts, cells.images, target, run.attempts[name])
    level = decision.level or 0
    chosen = (levels > 0) & (levels <= level) & run.open[name][cells.open]
    run.filled[name][cells.open[chosen]] = values[chosen]
    run.open[name] = run.open[name].copy()
    run.open[name][cells.open[chosen]] = False
    return level


def tell(run: Run, name: str, stop: int, words: str) -> None:
    """Note what was said of an attribute at a stop."""
    run.told.setdefault(name, []).append((stop, words))


def seconds_of(attributes: int) -> Seconds:
    """Return what a cell costs, as services/certificates/pace measures it: a blind image asks all its cells."""
    return Pace(blind=LOOK + KEY * attributes, usual=LOOK + KEY, cells=attributes).seconds


def row(names: Sequence[str], target: Target, runs: Mapping[str, Sequence[Replay]]) -> dict[str, Any]:
    """One schema and target: mean minutes of the replays, by way of labelling."""
    minutes = {way: float(np.mean([run["seconds"] for run in of_way])) / 60 for way, of_way in runs.items()}
    certified = [*runs[CERTIFIED], *runs[SWEPT]]
    return {
        "attributes": ", ".join(names),
        "target error": target.error,
        "recall": target.recall,
        **{way: round(value, 1) for way, value in minutes.items()},
        "of suggestions only": round(minutes[CERTIFIED] / minutes[SUGGESTED], 2),
        "in Sweep, of these": round(minutes[SWEPT] / minutes[SUGGESTED], 2),
        "filled": round(float(np.mean([run["filled"] for run in runs[CERTIFIED]])), 3),
        "largest true error": round(max(max(run["errors"]) for run in certified), 4),
    }


def told_row(name: str, names: Sequence[str], target: Target, runs: Sequence[Replay]) -> dict[str, Any]:
    """What was told of an attribute in each replay: when it was certified, and the last reason."""
    told = [run["told"].get(name, []) for run in runs]
    certified = [next((stop for stop, words in each if words == CAN), None) for each in told]
    return {
        "attribute": name,
        "attributes": len(names),
        "recall": target.recall,
        "certified at": stops_text(certified),
        "samples failed": sum(words == FAILED for each in told for _, words in each),
        "last reason": "; ".join(each[-1][1] if each else "nothing" for each in told),
    }


def stops_text(stops: Sequence[int | None]) -> str:
    """A stop of each replay."""
    return ", ".join("–" if stop is None else str(stop) for stop in stops)


def _errors(project: Project, run: Run) -> Iterator[float]:
    for name, values in run.filled.items():
        truth = project.problem.labels[name]
        yield float(((values >= 0) & (values != truth)).sum() / (truth >= 0).sum())
