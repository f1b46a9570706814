"""How a team works: pace, agreement with known answers and with each other, per labeller and per attribute."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.agreement import (
    Agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from annotator.domain.proportion import Proportion
from annotator.domain.ratings import Ratings
from annotator.models import Gold, Labeller, Project, Submission
from annotator.services.kept_figures import keep_figures
from annotator.services.opinions import Opinions, read_opinions
from annotator.services.overlap import INDEPENDENT
from annotator.services.schema_in_force import schema_in_force

MOST_PAIRS = 6
"""Pairs of labellers that are compared per attribute: those with the most images in common."""

_REPLICATES = 200  # of each interval: a page waits for them


@dataclass(frozen=True)
class LabellerFigures:
    """What one labeller did.

    Args:
        answers: cells answered.
        images: images answered one by one.
        seconds: median time an image took; None if none was timed.
        gold: answers to gold cells that were right.
        others: answers of others to the same cells that were the same.
        accepted: suggestions taken as they were.
        corrected: suggestions that were shown and not taken.
    """

    answers: int = 0
    images: int = 0
    seconds: float | None = None
    gold: Proportion | None = None
    others: Proportion | None = None
    accepted: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class AttributeFigures:
    """How far people agree on one attribute; `images` have two answers or more. Pairs are named by labeller."""

    attribute: str
    images: int
    percent: Agreement
    fleiss: Agreement
    alpha: Agreement
    cohen: list[tuple[str, str, Agreement]]


@dataclass(frozen=True)
class TeamFigures:
    """The figures of all who answered, by labeller id, and of all attributes in schema order."""

    labellers: dict[int, LabellerFigures]
    attributes: list[AttributeFigures]


def team_figures(session: Session) -> TeamFigures:
    """The figures; kept until something is answered, taken back or made gold, and as keep_figures says."""
    state = (
        session.scalar(select(Project.schema_version)),
        session.scalar(select(func.max(Submission.id))),
        session.execute(select(func.max(Gold.id), func.count(Gold.id))).one(),
    )
    return keep_figures(session, "team", state, lambda: _compute(session))


def _compute(session: Session) -> TeamFigures:
    opinions = read_opinions(session, (*INDEPENDENT, "import"))
    return TeamFigures(_labellers(session, opinions), _attributes(session, opinions))


def _labellers(session: Session, opinions: Opinions) -> dict[int, LabellerFigures]:
    answers: Counter[int] = Counter()
    accepted: Counter[int] = Counter()
    corrected: Counter[int] = Counter()
    gold: dict[int, list[bool]] = defaultdict(list)
    same: Counter[int] = Counter()
    met: Counter[int] = Counter()
    known = _known_answers(session)
    for cell, said in opinions.items():
        # Most cells have one answer: counting its votes would take longer than all the rest.
        votes = Counter(opinion.code for opinion in said.values()) if len(said) > 1 else None
        for labeller, opinion in said.items():
            answers[labeller] += 1
            accepted[labeller] += opinion.origin == "suggestion"
            corrected[labeller] += opinion.corrected
            if votes is not None:
                same[labeller] += votes[opinion.code] - 1
                met[labeller] += len(said) - 1
            if cell in known:
                gold[labeller].append(opinion.code == known[cell])
    times = _times(session)
    return {
        labeller: LabellerFigures(
            answers=answers[labeller],
            images=len(times.get(labeller, [])),
            seconds=_median_seconds(times.get(labeller, [])),
            gold=Proportion(sum(gold[labeller]), len(gold[labeller])) if gold[labeller] else None,
            others=Proportion(same[labeller], met[labeller]) if met[labeller] else None,
            accepted=accepted[labeller],
            corrected=corrected[labeller],
        )
        for labeller in answers
    }


def _known_answers(session: Session) -> dict[tuple[int, int], int | None]:
    rows = session.execute(select(Gold.image_id, Gold.answers))
    return {(image, int(attribute or 0)): code for image, answers in rows for attribute, code in answers}


def _times(session: Session) -> dict[int, list[int | None]]:
    """Per labeller, the milliseconds of each image that was answered on its own; None where none were told."""
    later = aliased(Submission)
    query = select(Submission.labeller_id, Submission.milliseconds).where(
        Submission.kind == "answer", ~exists().where(later.undoes == Submission.id)
    )
    found: dict[int, list[int | None]] = defaultdict(list)
    for labeller, milliseconds in session.execute(query):
        found[labeller].append(milliseconds)
    return found


def _median_seconds(milliseconds: list[int | None]) -> float | None:
    timed = [time for time in milliseconds if time is not None]
    return float(np.median(timed)) / 1000 if timed else None


def _attributes(session: Session, opinions: Opinions) -> list[AttributeFigures]:
    triples: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)
    for (image, attribute), said in opinions.items():
        if len(said) > 1:
            triples[attribute] += [(image, labeller, opinion.code) for labeller, opinion in said.items()]
    names = dict(session.execute(select(Labeller.id, Labeller.name)).all())
    return [
        _attribute(name, triples.get(number, []), names)
        for number, name in schema_in_force(session).names.items()
    ]


def _attribute(
    name: str, triples: list[tuple[int, int, int | None]], names: dict[int, str]
) -> AttributeFigures:
    ratings = Ratings.read(triples)
    return AttributeFigures(
        attribute=name,
        images=len({image for image, _, _ in triples}),
        percent=percent_agreement(ratings, replicates=_REPLICATES),
        fleiss=fleiss_kappa(ratings, replicates=_REPLICATES),
        alpha=krippendorff_alpha(ratings, replicates=_REPLICATES),
        cohen=[
            (names[a], names[b], cohen_kappa(ratings.between(a, b), replicates=_REPLICATES))
            for a, b in _closest_pairs(triples)
        ],
    )


def _closest_pairs(triples: list[tuple[int, int, int | None]]) -> list[tuple[int, int]]:
    """The pairs of labellers with the most images in common."""
    people: dict[int, set[int]] = defaultdict(set)
    for image, labeller, _ in triples:
        people[image].add(labeller)
    pairs = Counter(pair for found in people.values() for pair in combinations(sorted(found), 2))
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:MOST_PAIRS]
