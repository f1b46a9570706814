"""How a team works: pace, agreement with known answers and with each other, per labeller and per attribute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.agreement.coefficients import (
    Agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from annotator.domain.agreement.ratings import Ratings
from annotator.domain.metrics.statistics import Proportion
from annotator.models import AskedAgain, Gold, Labeller, Project, Submission
from annotator.services.common.bulk_read import Column, read_columns
from annotator.services.common.cached_stats import Figures
from annotator.services.schema.active import active_schema
from annotator.services.tasks.overlap import INDEPENDENT
from annotator.services.team.votes import Opinions, known_answers, read_opinions

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
    """How far people agree on one attribute; `images` have two answers or more. Pairs are named by labeller.

    `gold`: answers to gold cells that were right. Images that were asked again because a label of them is suspicious are left
    out of the agreement: they were chosen for their doubts.
    """

    attribute: str
    images: int
    percent: Agreement
    fleiss: Agreement
    alpha: Agreement
    cohen: list[tuple[str, str, Agreement]]
    gold: Proportion | None = None


@dataclass(frozen=True)
class TeamFigures:
    """The figures of all who answered, by labeller id, and of all attributes in schema order."""

    labellers: dict[int, LabellerFigures]
    attributes: list[AttributeFigures]


def _state(session: Session) -> tuple[int | None, ...]:
    """It changes with whatever is answered, taken back or made gold."""
    return (
        session.scalar(select(Project.schema_version)),
        session.scalar(select(func.max(Submission.id))),
        *session.execute(select(func.max(Gold.id), func.count(Gold.id))).one(),
        session.scalar(select(func.max(AskedAgain.id))),
    )


def count_team(session: Session) -> TeamFigures:
    """The figures as of now."""
    said = read_opinions(session, (*INDEPENDENT, "import"))
    asked_again = list(session.scalars(select(AskedAgain.image_id).distinct()))
    shared = said.shared()
    shared = shared.where(~np.isin(shared.image, asked_again))
    gold = _answers_to_gold(session, said)
    return TeamFigures(_labellers(session, said, shared, gold), _attributes(session, shared, gold))


def _labellers(
    session: Session, said: Opinions, shared: Opinions, gold: GoldAnswers
) -> dict[int, LabellerFigures]:
    people = np.unique(said.labeller).tolist()
    size = max(people, default=0) + 1
    answers, accepted, corrected = (
        np.bincount(said.labeller, weights, size).astype(int).tolist()
        for weights in (None, said.accepted, said.corrected)
    )
    same, met = _agreeing(shared, size)
    to_gold = _by(gold, 1)
    times = _times(session)
    return {
        labeller: LabellerFigures(
            answers=answers[labeller],
            images=len(times.get(labeller, ())),
            seconds=_median_seconds(times.get(labeller)),
            gold=to_gold.get(labeller),
            others=Proportion(same[labeller], met[labeller]) if met[labeller] else None,
            accepted=accepted[labeller],
            corrected=corrected[labeller],
        )
        for labeller in people
    }


def _agreeing(shared: Opinions, size: int) -> tuple[list[int], list[int]]:
    """Per labeller, how many answers of others were given to the same cells, and how many of these were the same."""
    cell = shared.cell
    in_cell = np.bincount(cell)
    _, answer, alike = np.unique(cell * 2**32 + shared.code, return_inverse=True, return_counts=True)
    same = np.bincount(shared.labeller, alike[answer] - 1, size)
    met = np.bincount(shared.labeller, in_cell[cell] - 1, size)
    return same.astype(int).tolist(), met.astype(int).tolist()


GoldAnswers = list[tuple[int, int, bool]]
"""Answers to gold cells: attribute, labeller, whether it was right."""


def _answers_to_gold(session: Session, said: Opinions) -> GoldAnswers:
    known = known_answers(session)
    to_gold = said.where(np.isin(said.image, [image for image, _ in known]))
    answers = zip(
        to_gold.attribute.tolist(),
        to_gold.image.tolist(),
        to_gold.labeller.tolist(),
        to_gold.code.tolist(),
        strict=True,
    )
    return [
        (attribute, labeller, code == known[image, attribute])
        for attribute, image, labeller, code in answers
        if (image, attribute) in known
    ]


def _by(gold: GoldAnswers, column: Literal[0, 1]) -> dict[int, Proportion]:
    """The share of right answers, by attribute (column 0) or labeller (column 1)."""
    asked = Counter(answer[column] for answer in gold)
    right = Counter(answer[column] for answer in gold if answer[2])
    return {number: Proportion(right[number], times) for number, times in asked.items()}


def _times(session: Session) -> dict[int, Column]:
    """Per labeller, the milliseconds of each image that was answered on its own; -1 where none were told."""
    later = aliased(Submission)
    people, milliseconds = read_columns(
        session,
        Submission.id,
        [Submission.labeller_id, func.coalesce(Submission.milliseconds, -1)],
        Submission.kind == "answer",
        ~exists().where(later.undoes == Submission.id),
    )
    return {labeller: milliseconds[people == labeller] for labeller in np.unique(people).tolist()}


def _median_seconds(milliseconds: Column | None) -> float | None:
    timed = milliseconds[milliseconds >= 0] if milliseconds is not None else np.empty(0)
    return float(np.median(timed)) / 1000 if len(timed) else None


def _attributes(session: Session, shared: Opinions, gold: GoldAnswers) -> list[AttributeFigures]:
    names = dict(session.execute(select(Labeller.id, Labeller.name)).all())
    to_gold = _by(gold, 0)
    return [
        _attribute(name, shared.where(shared.attribute == number), names, to_gold.get(number))
        for number, name in active_schema(session).names.items()
    ]


def _attribute(
    name: str, shared: Opinions, names: dict[int, str], gold: Proportion | None
) -> AttributeFigures:
    told = shared.told_apart()
    ratings = Ratings.tally(told.image, told.labeller, told.code)
    return AttributeFigures(
        attribute=name,
        images=len(np.unique(shared.image)),
        percent=percent_agreement(ratings, replicates=_REPLICATES),
        fleiss=fleiss_kappa(ratings, replicates=_REPLICATES),
        alpha=krippendorff_alpha(ratings, replicates=_REPLICATES),
        cohen=[
            (names[a], names[b], cohen_kappa(ratings.between(a, b), replicates=_REPLICATES))
            for a, b in _closest_pairs(ratings)
        ],
        gold=gold,
    )


def _closest_pairs(ratings: Ratings) -> list[tuple[int, int]]:
    """The pairs of labellers with the most images in common."""
    took_part = np.zeros((len(ratings.items), len(ratings.raters)))
    took_part[ratings.item, ratings.rater] = 1
    together = took_part.T @ (took_part * ratings.times[:, None])
    pairs = [(a, b) for a, b in combinations(range(len(ratings.raters)), 2) if together[a, b]]
    closest = sorted(pairs, key=lambda pair: (-together[pair], pair))[:MOST_PAIRS]
    return [(int(ratings.raters[a]), int(ratings.raters[b])) for a, b in closest]


TEAM = Figures("team", TypeAdapter(TeamFigures), _state, count_team)
