"""What an answer costs a person, measured from the newest answers: the minutes of a plan follow from it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean, median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.search import Seconds
from annotator.domain.metrics.throughput import Answered, active_seconds
from annotator.domain.states import Origin, SubmissionKind
from annotator.models import Annotation, Submission
from annotator.services.common.undone import is_undone

RECENT = 2000
"""The number of newest answered images that are measured."""

FEWEST = 20
"""With fewer answered images of a kind, the seconds that a practised labeller needs are assumed."""

LEAST = 0.5
"""Seconds that nobody needs less of; programs answer faster."""

ASSUMED = 2.0
"""Seconds that a practised labeller needs for an image."""


@dataclass(frozen=True)
class _Image:
    """An answered image: who answered it when, how many cells, and whether a suggestion was in sight."""

    labeller: int
    answered: Answered
    in_sight: bool


@dataclass(frozen=True)
class Pace:
    """What an image costs a person.

    Args:
        blind: seconds of an image without suggestions, as a sampled one is asked: with all its open cells.
        usual: seconds of an image with suggestions.
        cells: cells of an image.
    """

    blind: float = ASSUMED
    usual: float = ASSUMED
    cells: float = 1.0

    @property
    def seconds(self) -> Seconds:
        """What a cell costs. A filled cell saves its share of an image.

        The other answers to a sampled image are labels too, so what a sampled cell costs beyond its share is only what
        suggestions would have saved.
        """
        share = self.usual / self.cells
        return Seconds(blind=share + max(0.0, self.blind - self.usual), usual=share)


def read_pace(session: Session) -> Pace:
    """Return the median seconds of the newest images that were answered blind, and with suggestions in sight."""
    by_labeller: dict[int, list[_Image]] = defaultdict(list)
    for image in _answered(session):
        by_labeller[image.labeller].append(image)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for images in by_labeller.values():
        for took, image in zip(active_seconds([each.answered for each in images]), images, strict=True):
            seconds[image.in_sight].append(took)
    cells = [image.answered.cells for images in by_labeller.values() for image in images]
    blind = max(LEAST, median(seconds[False])) if len(seconds[False]) >= FEWEST else ASSUMED
    usual = max(LEAST, median(seconds[True])) if len(seconds[True]) >= FEWEST else blind
    return Pace(blind, usual, max(1.0, fmean(cells)) if cells else 1.0)


def _answered(session: Session) -> list[_Image]:
    """The newest answered images, oldest first."""
    newest = (
        select(Submission.id)
        .where(Submission.kind == SubmissionKind.ANSWER, ~is_undone())
        .order_by(Submission.id.desc())
        .limit(RECENT)
    )
    query = (
        select(
            Submission.labeller_id,
            Submission.created_at,
            Submission.milliseconds,
            func.count(Annotation.id),
            func.max((Annotation.origin == Origin.SUGGESTION) | Annotation.corrected),
        )
        .join(Annotation, Annotation.submission_id == Submission.id)
        .where(Submission.id.in_(newest))
        .group_by(Submission.id)
        .order_by(Submission.id)
    )
    return [
        _Image(
            labeller, Answered(moment.timestamp(), cells, None if took is None else took / 1000), bool(seen)
        )
        for labeller, moment, took, cells, seen in session.execute(query)
    ]
