"""How far people follow suggestions: answers with the suggestion in sight, compared with answers from whom it was withheld.

services/tasks/withholding says which answers are compared. An answer counts once per labeller and image, the last one. It does
not count after an undo or a clearing, or in an excluded image.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sqlalchemy import false, func, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.target import Allowance
from annotator.domain.metrics.anchoring import Agreeing, Anchoring, measure_anchoring
from annotator.domain.states import INDEPENDENT, Origin, SubmissionKind
from annotator.models import Annotation, Image, Label, Predictions, Project, Submission
from annotator.services.common.cached_stats import Statistics, read_statistics
from annotator.services.common.counted import COUNTED, counted_state
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.schema.active import active_schema

NOTHING = Anchoring(Agreeing(0, 0), Agreeing(0, 0), 0)
"""What is known before anything was compared."""


@dataclass(frozen=True)
class AnchoringReport:
    """How far people follow suggestions: in sum, by attribute in schema order, and by labeller."""

    total: Anchoring = NOTHING
    attributes: dict[str, Anchoring] = field(default_factory=dict)
    people: dict[int, Anchoring] = field(default_factory=dict)


def anchoring(session: Session) -> AnchoringReport:
    """How far people follow suggestions; of a large project, what the worker computed last."""
    return read_statistics(session, ANCHORING).value or AnchoringReport()


def compute_anchoring(session: Session) -> AnchoringReport:
    """Compare the answers of today."""
    answers = _read_answers(session)
    attribute, labeller, equal, withheld, image, group = answers

    def compare(chosen: NDArray[np.bool_]) -> Anchoring:
        return measure_anchoring(equal[chosen] > 0, withheld[chosen] > 0, image[chosen], group[chosen])

    return AnchoringReport(
        compare(np.ones(len(equal), bool)),
        {
            name: compare(attribute == number)
            for number, name in active_schema(session).names.items()
            if number in attribute
        },
        {number: compare(labeller == number) for number in np.unique(labeller).tolist()},
    )


def anchoring_allowance(session: Session, attribute: str) -> Allowance:
    """How many wrong answers a certificate of an attribute must expect from people who follow suggestions; zero if unknown."""
    measured = anchoring(session).attributes.get(attribute, NOTHING).allowance
    number = active_schema(session).ids[attribute]
    return Allowance(anchoring=measured or 0.0, in_sight=labels_in_sight(session, number))


def labels_in_sight(session: Session, attribute_id: int) -> int:
    """How many labels of an attribute were given where a suggestion may have been in sight: at most so many follow one.

    These are answers of the label page and of *Sweep* after the first predictions, but for those of the test split, which is
    blind, and those from whom chance withheld the suggestions.
    """
    first = select(func.min(Predictions.loaded_at)).scalar_subquery()
    query = (
        select(func.count())
        .select_from(Label)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Image, Image.id == Label.image_id)
        .where(
            Label.attribute_id == attribute_id,
            Submission.kind.in_(INDEPENDENT),
            Submission.created_at >= first,
            func.coalesce(Submission.withheld, false()).is_(False),
            Image.split != "test",
            COUNTED,
        )
    )
    return session.scalar(query) or 0


def _read_answers(session: Session) -> NDArray[np.int64]:
    """The compared cells: attribute, labeller, whether the value is the model's, whether it was withheld, image, group."""
    compared = (
        select(Submission.id, Submission.labeller_id, Submission.withheld, Submission.suggested)
        .add_columns(Image.id.label("image"), Image.group)
        .join(Image, Image.id == Submission.image_id)
        .where(
            Submission.withheld.is_not(None), Submission.kind == SubmissionKind.ANSWER, COUNTED, ~is_undone()
        )
        .order_by(Submission.id)
    )
    last = {(row.labeller_id, row.image): row for row in session.execute(compared)}
    rows = {row.id: row for row in last.values()}
    suggested = {number: dict(row.suggested) for number, row in rows.items()}
    groups: dict[str, int] = {}
    cells = []
    answers = (
        select(Annotation.submission_id, Annotation.attribute_id, Annotation.code)
        .add_columns(Annotation.origin, Annotation.corrected)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(Submission.withheld.is_not(None), ~is_cleared())
    )
    for number, attribute, code, origin, corrected in session.execute(answers):
        if attribute not in suggested.get(number, {}):
            continue
        row = rows[number]
        # A round that ended meanwhile may have changed what was in sight: what the page says about it goes before.
        equal = origin == Origin.SUGGESTION or (not corrected and code == suggested[number][attribute])
        group = groups.setdefault(row.group, len(groups))
        cells.append((attribute, row.labeller_id, equal, row.withheld, row.image, group))
    return np.array(cells, np.int64).reshape(-1, 6).T


def _state(session: Session) -> tuple[int | None, ...]:
    """A state that changes whenever something is answered or undone, and when an image is excluded."""
    return (
        session.scalar(select(Project.schema_version)),
        session.scalar(select(func.max(Submission.id))),
        counted_state(session),
    )


ANCHORING = Statistics("anchoring", TypeAdapter(AnchoringReport), _state, compute_anchoring)
