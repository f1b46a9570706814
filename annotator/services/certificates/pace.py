"""What an answer costs a person, measured from the newest answers: the minutes of a plan follow from it."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.plan import Seconds
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


def read_seconds(session: Session) -> Seconds:
    """Return the median seconds of an image that was answered blind, and of one with suggestions in sight.

    A sampled image is asked like an audit image: with all its open cells and no suggestion. So a blind answer costs the time of
    such an image, and the plan's minutes are those of all its answers.
    """
    in_sight = exists().where(
        Annotation.submission_id == Submission.id,
        or_(Annotation.origin == Origin.SUGGESTION, Annotation.corrected),
    )
    query = (
        select(
            Submission.labeller_id,
            Submission.created_at,
            Submission.milliseconds,
            in_sight.label("in_sight"),
        )
        .where(Submission.kind == SubmissionKind.ANSWER, ~is_undone())
        .order_by(Submission.id.desc())
        .limit(RECENT)
    )
    by_labeller: dict[int, list[tuple[Answered, bool]]] = defaultdict(list)
    for labeller, moment, milliseconds, seen in session.execute(query).all()[::-1]:
        took = None if milliseconds is None else milliseconds / 1000
        by_labeller[labeller].append((Answered(moment.timestamp(), 1, took), seen))
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for answers in by_labeller.values():
        for took, (_, seen) in zip(active_seconds([answer for answer, _ in answers]), answers, strict=True):
            seconds[seen].append(took)
    assumed = Seconds()
    blind = median(seconds[False]) if len(seconds[False]) >= FEWEST else assumed.blind
    usual = median(seconds[True]) if len(seconds[True]) >= FEWEST else min(assumed.usual, blind)
    return Seconds(max(blind, LEAST), max(usual, LEAST))
