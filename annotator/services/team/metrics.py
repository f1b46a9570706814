"""The metrics of a team: speed, accuracy on gold images, and agreement, per labeller and per attribute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.coefficients import (
    Agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from annotator.domain.agreement.ratings import Ratings
from annotator.domain.metrics.noise_ceiling import NoiseCounts, count_noise
from annotator.domain.metrics.statistics import Proportion
from annotator.domain.schema import Attribute
from annotator.domain.states import INDEPENDENT, SubmissionKind
from annotator.models import AskedAgain, Gold, Labeller, Project, Submission
from annotator.services.common.bulk_read import Column, read_columns
from annotator.services.common.cached_stats import Statistics
from annotator.services.common.counted import counted_state, of_counted_image
from annotator.services.common.undone import is_undone
from annotator.services.common.votes import Opinions, answers_seen, gold_answers, read_opinions
from annotator.services.schema.active import active_schema

MOST_PAIRS = 6
"""How many pairs of labellers are compared per attribute: those with the most images in common."""

_REPLICATES = 200  # per interval; more would make the page wait


@dataclass(frozen=True)
class LabellerMetrics:
    """The metrics of one labeller.

    Args:
        answers: cells answered.
        images: images answered one at a time.
        seconds: median time per image; None if no answer has a time.
        gold: correct answers to gold cells.
        others: other people's answers to the same cells that agree.
        accepted: accepted suggestions.
        corrected: suggestions that were shown and not accepted.
    """

    answers: int = 0
    images: int = 0
    seconds: float | None = None
    gold: Proportion | None = None
    others: Proportion | None = None
    accepted: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class AttributeMetrics:
    """The agreement on one attribute. `images` have two or more answers; `cohen` names the labellers of each pair.

    `gold`: correct answers to gold cells. `noise`: what both say of the noise of single answers. The agreement ignores images that were relabelled because of a suspicious label,
    since they were selected for being uncertain.
    """

    attribute: str
    images: int
    percent: Agreement
    fleiss: Agreement
    alpha: Agreement
    cohen: list[tuple[str, str, Agreement]]
    gold: Proportion | None = None
    noise: NoiseCounts | None = None


@dataclass(frozen=True)
class TeamMetrics:
    """The metrics of all labellers, by id, and of all attributes in schema order."""

    labellers: dict[int, LabellerMetrics]
    attributes: list[AttributeMetrics]


def _state(session: Session) -> tuple[int | None, ...]:
    """A state that changes whenever something is answered, undone or made gold."""
    return (
        session.scalar(select(Project.schema_version)),
        session.scalar(select(func.max(Submission.id))),
        *session.execute(select(func.max(Gold.id), func.count(Gold.id))).one(),
        session.scalar(select(func.max(AskedAgain.id))),
        counted_state(session),
    )


def compute_team_metrics(session: Session) -> TeamMetrics:
    """Compute the current metrics."""
    opinions = read_opinions(session, (*INDEPENDENT, SubmissionKind.IMPORT))
    relabelled = list(session.scalars(select(AskedAgain.image_id).distinct()))
    shared = opinions.shared()
    shared = shared.where(~np.isin(shared.image, relabelled))
    gold = _answers_to_gold(session, opinions)
    return TeamMetrics(_labellers(session, opinions, shared, gold), _attributes(session, shared, gold))


def _labellers(
    session: Session, opinions: Opinions, shared: Opinions, gold: GoldAnswers
) -> dict[int, LabellerMetrics]:
    people = np.unique(opinions.labeller).tolist()
    size = max(people, default=0) + 1
    answers, accepted, corrected = (
        np.bincount(opinions.labeller, weights, size).astype(int).tolist()
        for weights in (None, opinions.accepted, opinions.corrected)
    )
    agreeing, compared = _count_agreeing(shared, size)
    to_gold = _by(gold, 1)
    times = _times(session)
    return {
        labeller: LabellerMetrics(
            answers=answers[labeller],
            images=len(times.get(labeller, ())),
            seconds=_median_seconds(times.get(labeller)),
            gold=to_gold.get(labeller),
            others=Proportion(agreeing[labeller], compared[labeller]) if compared[labeller] else None,
            accepted=accepted[labeller],
            corrected=corrected[labeller],
        )
        for labeller in people
    }


def _count_agreeing(shared: Opinions, size: int) -> tuple[list[int], list[int]]:
    """Per labeller: how many answers of others to the same cells agree, and how many such answers there are."""
    cell = shared.cell
    in_cell = np.bincount(cell)
    _, answer, alike = np.unique(cell * 2**32 + shared.code, return_inverse=True, return_counts=True)
    agreeing = np.bincount(shared.labeller, alike[answer] - 1, size)
    compared = np.bincount(shared.labeller, in_cell[cell] - 1, size)
    return agreeing.astype(int).tolist(), compared.astype(int).tolist()


GoldAnswers = list[tuple[int, int, bool, int, int]]
"""Answers to gold cells: attribute, labeller, whether the answer is correct, the correct code, the code of the answer."""


def _answers_to_gold(session: Session, opinions: Opinions) -> GoldAnswers:
    correct = gold_answers(session)
    seen = answers_seen(session)
    to_gold = opinions.where(np.isin(opinions.image, [image for image, _ in correct]))
    answers = zip(
        to_gold.attribute.tolist(),
        to_gold.image.tolist(),
        to_gold.labeller.tolist(),
        to_gold.code.tolist(),
        strict=True,
    )
    return [
        (attribute, labeller, code == correct[image, attribute], correct[image, attribute], code)
        for attribute, image, labeller, code in answers
        if (image, attribute) in correct and (labeller, image) not in seen
    ]


def _by(gold: GoldAnswers, column: Literal[0, 1]) -> dict[int, Proportion]:
    """The proportion of correct answers, by attribute (column 0) or labeller (column 1)."""
    asked = Counter(answer[column] for answer in gold)
    right = Counter(answer[column] for answer in gold if answer[2])
    return {number: Proportion(right[number], times) for number, times in asked.items()}


def _times(session: Session) -> dict[int, Column]:
    """Per labeller: the milliseconds of each image that was answered individually; -1 where they are unknown."""
    people, milliseconds = read_columns(
        session,
        Submission.id,
        [Submission.labeller_id, func.coalesce(Submission.milliseconds, -1)],
        Submission.kind == SubmissionKind.ANSWER,
        of_counted_image(Submission.image_id),
        ~is_undone(),
    )
    return {labeller: milliseconds[people == labeller] for labeller in np.unique(people).tolist()}


def _median_seconds(milliseconds: Column | None) -> float | None:
    timed = milliseconds[milliseconds >= 0] if milliseconds is not None else np.empty(0)
    return float(np.median(timed)) / 1000 if len(timed) else None


def _attributes(session: Session, shared: Opinions, gold: GoldAnswers) -> list[AttributeMetrics]:
    names = dict(session.execute(select(Labeller.id, Labeller.name)).all())
    to_gold = _by(gold, 0)
    active = active_schema(session)
    return [
        _attribute(
            active.schema[name],
            shared.where(shared.attribute == number),
            names,
            to_gold.get(number),
            [(truth, code) for attribute, _, _, truth, code in gold if attribute == number],
        )
        for number, name in active.names.items()
    ]


def _attribute(
    attribute: Attribute,
    shared: Opinions,
    names: dict[int, str],
    gold: Proportion | None,
    answers_to_gold: list[tuple[int, int]],
) -> AttributeMetrics:
    is_open = attribute.kind == "open"
    values = shared.without_cannot_tell()
    ratings = Ratings.tally(values.image, values.labeller, values.code)
    return AttributeMetrics(
        attribute=attribute.name,
        images=len(np.unique(shared.image)),
        percent=percent_agreement(ratings, replicates=_REPLICATES),
        fleiss=fleiss_kappa(ratings, replicates=_REPLICATES),
        alpha=krippendorff_alpha(ratings, replicates=_REPLICATES),
        cohen=[
            (names[a], names[b], cohen_kappa(ratings.between(a, b), replicates=_REPLICATES))
            for a, b in _closest_pairs(ratings)
        ],
        gold=gold,
        noise=None
        if is_open
        else count_noise([v.code for v in attribute.values], answers_to_gold, values.image, values.code),
    )


def _closest_pairs(ratings: Ratings) -> list[tuple[int, int]]:
    """The pairs of labellers with the most images in common."""
    took_part = np.zeros((len(ratings.items), len(ratings.raters)))
    took_part[ratings.item, ratings.rater] = 1
    together = took_part.T @ (took_part * ratings.times[:, None])
    pairs = [(a, b) for a, b in combinations(range(len(ratings.raters)), 2) if together[a, b]]
    closest = sorted(pairs, key=lambda pair: (-together[pair], pair))[:MOST_PAIRS]
    return [(int(ratings.raters[a]), int(ratings.raters[b])) for a, b in closest]


TEAM = Statistics("team", TypeAdapter(TeamMetrics), _state, compute_team_metrics)
