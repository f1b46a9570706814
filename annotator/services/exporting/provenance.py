"""How the labels were made, for a snapshot's card: origins, number of labellers, agreement, and how far people follow suggestions."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.coefficients import krippendorff_alpha, percent_agreement
from annotator.domain.agreement.ratings import Ratings
from annotator.domain.metrics.anchoring import Anchoring
from annotator.domain.states import SubmissionKind
from annotator.formats.snapshot.dataset_card import AttributeAgreement, Labelling
from annotator.models import Annotation, Submission
from annotator.services.common.counted import of_counted_image
from annotator.services.schema.active import active_schema
from annotator.services.tasks.anchoring import compute_anchoring
from annotator.services.tasks.answer_noise import count_answer_noise, read_shared_answers

_NO_LABELLING = (
    SubmissionKind.IMPORT,
    SubmissionKind.SCHEMA,
    SubmissionKind.TAKE_BACK,
    SubmissionKind.CLEAR,
    SubmissionKind.EXCLUDE,
    SubmissionKind.RESTORE,
)
_PART = 100_000  # annotations of one query


def read_labelling(session: Session) -> Labelling:
    """Read how the labels were made, without names of people or times."""
    people = select(func.count(distinct(Submission.labeller_id))).where(Submission.kind.not_in(_NO_LABELLING))
    origins, labellers = _origins(session), session.scalar(people) or 0
    return Labelling(origins, labellers, _agreement(session), anchoring=_anchoring(session))


def _anchoring(session: Session) -> list[tuple[str, Anchoring]]:
    report = compute_anchoring(session)
    if not report.total.withheld.answers:
        return []
    return [("all", report.total), *report.attributes.items()]


def _origins(session: Session) -> dict[str, int]:
    # In parts, because GROUP BY without an index sorts all rows in memory.
    origins: Counter[str] = Counter()
    for start in range(0, session.scalar(select(func.max(Annotation.id))) or 0, _PART):
        part = Annotation.id.between(start + 1, start + _PART), of_counted_image(Annotation.image_id)
        query = select(Annotation.origin, func.count()).where(*part).group_by(Annotation.origin)
        origins.update(dict(session.execute(query).all()))
    return dict(origins)


def _agreement(session: Session) -> list[AttributeAgreement]:
    """Agreement by attribute over the images with opinions; other images have one answer. It counts answers to gold apart."""
    active, answers = active_schema(session), read_shared_answers(session)
    noise = count_answer_noise(session, active, answers)
    agreements = []
    for number, name in active.names.items():
        ratings = Ratings.read(answers.get(number, []))
        percent = percent_agreement(ratings, replicates=1)
        alpha = krippendorff_alpha(ratings, replicates=1)
        agreements.append(
            AttributeAgreement(name, percent.items, percent.value, alpha.value, noise.get(name))
        )
    return agreements
