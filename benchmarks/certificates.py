"""How often a certificate breaks its promise: the finished attribute's true error and recalls, on real faces, by replays.

All labels are known, so a replay can see what nobody sees in a project. A model learns from some people; other whole people are the
audit images; all others are open. The product's code plans, the acceptance sample is drawn, its true labels are the answers, and
the product's code decides. Then the filled cells are compared with the truth. Replays share models and audit images (MODELS of
the first, each with AUDITS of the second), but each draws its own sample, which alone carries the guarantee.

"above the target" counts all replays, those too where nothing was filled; "of the filled" counts only the others. The rows at the limit
have no model: their errors are laid out so that the promise is as hard to keep as can be. Without the development data, and
with --small, there are no faces but numbers.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.decision import UNANSWERED, Sample, decide
from annotator.domain.certificates.ladder import Checked
from annotator.domain.certificates.plan import Plan, Shortfall, plan
from annotator.domain.certificates.target import Allowance, Target
from benchmarks.honesty import Audit, audit_draws, made_up, share, share_of
from benchmarks.support.certificate_data import CELEBA_NAMES, SKIN, UTKFACE, Faces, real_faces
from benchmarks.support.certificate_limits import limit_rows
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size
from trainer.simulate.problem import Problem, wrong_answers
from trainer.simulate.replay import fit_heads

MODELS, AUDITS, SAMPLES = 5, 1, 80
PROCESSES = 6
FIRST_SEED = 500
"""Smaller ones were used while the method was made."""
ERRORS = (0.005, 0.01, 0.02, 0.05)
WRONG = 0.1
LEARNED = {CELEBA_NAMES: 1000, UTKFACE: 500, SKIN: 120, "made up": 200}
"""Labelled images of whole people that a model learns from."""
AUDITED = {
    CELEBA_NAMES: Audit(33, 200),
    UTKFACE: Audit(200, 0),
    SKIN: Audit(40, 0),
    "made up": Audit(30, 0),
}
FIFTY = {CELEBA_NAMES: Audit(50, 0), UTKFACE: Audit(50, 0), SKIN: Audit(50, 0), "made up": Audit(50, 0)}


@dataclass(frozen=True)
class Scenario:
    """What a model learned from and was checked on, whom it is asked about, and what goes wrong.

    Attributes:
        wrong: Share of all labels and answers that are wrong.
        measured: Whether that share is known, and subtracted from the target.
        unanswered: Share of the sample without an answer; the cells that the model errs in stay open twice as often.
    """

    name: str
    taught: str
    pool: str
    audits: dict[str, Audit]
    wrong: float = 0.0
    measured: bool = False
    unanswered: float = 0.0
    recalls: tuple[float | None, ...] = (0.95,)


@dataclass(frozen=True)
class Cells:
    """An attribute of one replay's project, after the audit images are labelled. Labels are what people say, truths what is.

    Attributes:
        p: The model's probabilities of the open cells; (open, values).
        labels, truths: Of the open cells; (open,).
        done_labels, done_truths: Of the labelled cells; (labelled,).
    """

    p: NDArray[np.float32]
    labels: NDArray[np.int64]
    truths: NDArray[np.int64]
    checked: Checked
    done_labels: NDArray[np.int64]
    done_truths: NDArray[np.int64]

    @property
    def images(self) -> int:
        """All cells."""
        return len(self.truths) + len(self.done_truths)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Labels of each value; (values,)."""
        return np.bincount(self.done_labels, minlength=self.p.shape[1])


@dataclass(frozen=True)
class Shown:
    """What became of one replay; shares of all cells, and of open ones if they are filled."""

    filled: float
    error: float
    error_with_people: float
    worst_recall: float
    sample: int


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        if size == "small" or not CELEBA.is_dir():
            problem = made_up().problem
            faces = Faces(problem, np.full(len(problem.names), "made up"))
        else:
            faces = real_faces(Path(folder))
    return tables(faces, (2, 1, 3) if size == "small" else (MODELS, AUDITS, SAMPLES))


def tables(faces: Faces, counts: tuple[int, int, int]) -> Figures:
    """All rows: so many models, audits of each, and samples of each audit. Each process takes some scenarios."""
    sources = sorted(set(faces.source))
    parts = [list(part) for source in sources for part in scenarios(source, sources)]
    if len(sources) == 1:
        found = [rows_of(part, faces, counts) for part in parts]
    else:
        with ProcessPoolExecutor(min(len(parts), PROCESSES), get_context("spawn")) as processes:
            found = list(processes.map(rows_of, parts, repeat(faces), repeat(counts)))
    limits = list(limit_rows(5 * counts[0] * counts[1] * counts[2]))
    return {"filled attributes": [row for rows in found for row in rows], "at the limit": limits}


def rows_of(tried: list[Scenario], faces: Faces, counts: tuple[int, int, int]) -> list[dict[str, Any]]:
    """The rows of scenarios that share their models."""
    rows = []
    for scenario in tried:
        projects = list(drawn_projects(faces, scenario, counts))
        learned_by_all = [name for name in projects[0][1] if all(name in cells for _, cells in projects)]
        for name in learned_by_all:
            own = [(seed, cells[name]) for seed, cells in projects]
            for error in ERRORS:
                for recall in scenario.recalls:
                    rows.append(row(scenario, name, own, Target(error, recall), counts))
    return rows


def scenarios(taught: str, sources: list[str]) -> Iterator[Iterable[Scenario]]:
    """All that is tried with models that learn from one source, those together that share models."""
    yield [
        Scenario("as usual", taught, taught, AUDITED, recalls=(0.95, None)),
        Scenario("50 audit groups", taught, taught, FIFTY),
        Scenario("a fifth unanswered", taught, taught, AUDITED, unanswered=0.2),
    ]
    yield [
        Scenario("10 % wrong labels", taught, taught, AUDITED, wrong=WRONG, recalls=(0.95, None)),
        Scenario("10 % wrong labels, measured", taught, taught, AUDITED, wrong=WRONG, measured=True),
    ]
    if len(sources) > 1:
        yield [
            Scenario(f"taught and checked on {taught}", taught, pool, AUDITED, recalls=(0.95, None))
            for pool in sources
            if taught != pool
        ]


def drawn_projects(
    faces: Faces, scenario: Scenario, counts: tuple[int, int, int]
) -> Iterator[tuple[int, dict[str, Cells]]]:
    """Models with audit images: a seed, and the cells of each attribute that the model has learned and the pool has."""
    models, audits, _ = counts
    problem, source = faces.problem, faces.source
    for seed in range(FIRST_SEED, FIRST_SEED + models):
        given = wrong_answers(problem, seed, scenario.wrong)
        learned = people_of(
            problem, np.flatnonzero(source == scenario.taught), LEARNED[scenario.taught], seed
        )
        p = answers(faces, scenario.taught, scenario.wrong, seed)
        others = np.setdiff1d(np.flatnonzero(source == scenario.taught), learned)
        pool = others if scenario.taught == scenario.pool else np.flatnonzero(source == scenario.pool)
        random = np.random.default_rng([seed, 41])
        draws = audit_draws(problem.take(others), scenario.audits[scenario.taught], random, audits)
        for drawn, _ in draws:
            audit = np.unique(others[drawn])
            yield (
                seed,
                {
                    name: cells_of(problem, given, name, p[name], learned, audit, np.setdiff1d(pool, audit))
                    for name in p
                    if len(np.unique(problem.labels[name][pool][problem.labels[name][pool] >= 0])) > 1
                },
            )


def cells_of(
    problem: Problem,
    given: dict[str, NDArray[np.int64]],
    name: str,
    p: NDArray[np.float32],
    learned: NDArray[np.int64],
    audit: NDArray[np.int64],
    rest: NDArray[np.int64],
) -> Cells:
    """The cells of an attribute whose truth is known."""
    known = problem.labels[name] >= 0
    audit, rest = audit[known[audit]], rest[known[rest]]
    done = np.concatenate([learned[known[learned]], audit])
    groups = np.unique(problem.groups[audit], return_inverse=True)[1]
    return Cells(
        p[rest],
        given[name][rest],
        problem.labels[name][rest],
        Checked(p[audit], given[name][audit], groups, np.ones(len(audit))),
        given[name][done],
        problem.labels[name][done],
    )


def people_of(problem: Problem, rows: NDArray[np.int64], images: int, seed: int) -> NDArray[np.int64]:
    """Images of whole people, drawn until there are so many."""
    random = np.random.default_rng([seed, 21])
    chosen: list[NDArray[np.int64]] = []
    for person in random.permutation(np.unique(problem.groups[rows])):
        chosen.append(rows[problem.groups[rows] == person])
        if sum(map(len, chosen)) >= images:
            break
    return np.concatenate(chosen)


_ANSWERS: dict[tuple[str, float, int], dict[str, NDArray[np.float32]]] = {}


def answers(faces: Faces, taught: str, wrong: float, seed: int) -> dict[str, NDArray[np.float32]]:
    """What the model of a seed answers to all images, by attribute; trained once."""
    key = (taught, wrong, seed)
    if key not in _ANSWERS:
        problem = faces.problem
        rows = people_of(problem, np.flatnonzero(faces.source == taught), LEARNED[taught], seed)
        given = wrong_answers(problem, seed, wrong)
        labels = {name: column[rows] for name, column in given.items()}
        labels = {name: c for name, c in labels.items() if len(np.unique(c[c >= 0])) > 1}
        classes = {name: problem.classes[name] for name in labels}
        heads = fit_heads(
            problem.embeddings[rows], labels, problem.groups[rows], classes, seed, problem.views
        )
        _ANSWERS[key] = heads.answer(problem.embeddings)
    return _ANSWERS[key]


def row(
    scenario: Scenario,
    name: str,
    projects: list[tuple[int, Cells]],
    target: Target,
    counts: tuple[int, int, int],
) -> dict[str, Any]:
    """One attribute, scenario and target: what the plans said, and what then happened."""
    planned, shown = [], []
    for number, (seed, cells) in enumerate(projects):
        allowance = Allowance(people=scenario.wrong, measured=True) if scenario.measured else None
        made = plan(cells.checked, cells.p, cells.counts, cells.images, target, allowance=allowance)
        planned.append(made)
        random = np.random.default_rng([seed, number, 51])
        if isinstance(made, Plan):
            laid = Laid.out(made, cells)
            shown += [replay(cells, laid, target, scenario, allowance, random) for _ in range(counts[2])]
        else:
            shown += [Shown(0, 0, 0, 1, 0)] * counts[2]
    plans = [made for made in planned if isinstance(made, Plan)]
    reasons = Counter(made.reason for made in planned if isinstance(made, Shortfall))
    of_model = counts[1] * counts[2]
    above = [s.error > target.error + 1e-12 for s in shown]
    below = [target.recall is not None and s.worst_recall < target.recall - 1e-12 for s in shown]
    filled = [s for s in shown if s.filled]
    tries = [s for s in shown if s.sample]
    broken = share([above[i : i + of_model] for i in range(0, len(above), of_model)])
    return {
        "pool": scenario.pool,
        "scenario": scenario.name,
        "attribute": name,
        "target error": target.error,
        "recall": target.recall,
        "replays": len(shown),
        "above the target": broken["covered"],
        "from": broken["from"],
        "to": broken["to"],
        "recall below": share_of(below),
        "either": share_of([a or b for a, b in zip(above, below, strict=True)]),
        "above, of the filled": share_of([s.error > target.error + 1e-12 for s in filled]),
        "above with people's errors": share_of(
            [bool(s.filled) and s.error_with_people > target.error for s in shown]
        ),
        "planned": round(len(plans) / len(planned), 3),
        "too little": ", ".join(f"{reason} {n / len(planned):.2f}" for reason, n in reasons.most_common()),
        "sample": round(float(np.mean([p.sample for p in plans]))) if plans else None,
        "chance said": round(float(np.mean([p.chance for p in plans])), 2) if plans else None,
        "passed": share_of([s.filled > 0 for s in tries]) if tries else None,
        "filled said": round(float(np.mean([p.filled / n for p, n in _open(planned, projects)])), 3)
        if plans
        else None,
        "filled": round(float(np.mean([s.filled for s in tries])), 3) if tries else None,
        "filled, all replays": round(float(np.mean([s.filled for s in shown])), 3),
        "mean error": round(float(np.mean([s.error for s in filled])), 5) if filled else None,
    }


def _open(planned: list[Plan | Shortfall], projects: list[tuple[int, Cells]]) -> list[tuple[Plan, int]]:
    return [(p, len(c.p)) for p, (_, c) in zip(planned, projects, strict=True) if isinstance(p, Plan)]


@dataclass(frozen=True)
class Laid:
    """The open cells in the nested sets of a plan, and the size of its sample."""

    levels: NDArray[np.int64]
    values: NDArray[np.int64]
    candidates: NDArray[np.int64]
    population: NDArray[np.int64]
    sample: int

    @classmethod
    def out(cls, made: Plan, cells: Cells) -> "Laid":
        """Find the smallest set of each cell."""
        levels, values = made.ladder.levels(cells.p), cells.p.argmax(axis=1)
        candidates = np.flatnonzero(levels > 0)
        population = np.zeros((len(made.ladder.thresholds), cells.p.shape[1]), np.int64)
        np.add.at(population, (levels[candidates] - 1, values[candidates]), 1)
        return cls(levels, values, candidates, population, made.sample)


def replay(
    cells: Cells,
    laid: Laid,
    target: Target,
    scenario: Scenario,
    allowance: Allowance | None,
    random: np.random.Generator,
) -> Shown:
    """Draw a sample, answer it, decide, fill, and look at the truth."""
    drawn = random.choice(laid.candidates, laid.sample, replace=False)
    values, labels = laid.values[drawn], cells.labels[drawn].copy()
    if scenario.unanswered:
        chance = scenario.unanswered * np.where(values == cells.truths[drawn], 1, 2)
        labels[random.random(len(drawn)) < chance] = UNANSWERED
    sample = Sample(laid.levels[drawn], values, labels)
    found = decide(laid.population, sample, cells.counts, cells.images, target, allowance=allowance)
    filled = (laid.levels > 0) & (laid.levels <= (found.level or 0))
    filled[drawn] = False
    return shown_of(cells, laid.values, filled, laid.sample)


def shown_of(cells: Cells, values: NDArray[np.int64], filled: NDArray[np.bool_], sample: int) -> Shown:
    """Compare the finished attribute with the truth: filled cells have the model's values, all others what people say."""
    wrong = filled & (values != cells.truths)
    asked_wrong = (~filled & (cells.labels != cells.truths)).sum()
    done_wrong = (cells.done_labels != cells.done_truths).sum()
    known = np.flatnonzero(cells.counts > 0)
    members = np.bincount(np.concatenate([cells.truths, cells.done_truths]), minlength=cells.p.shape[1])
    missed = np.bincount(cells.truths[wrong], minlength=cells.p.shape[1])
    recalls = 1 - missed[known] / np.maximum(members[known], 1)
    return Shown(
        filled=float(filled.mean()),
        error=float(wrong.sum() / cells.images),
        error_with_people=float((wrong.sum() + asked_wrong + done_wrong) / cells.images),
        worst_recall=float(recalls.min()) if len(recalls) else 1.0,
        sample=sample,
    )
