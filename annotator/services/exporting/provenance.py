"""How the labels were made, for a snapshot's card: origins, number of labellers, agreement, and how far people follow suggestions."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.agreement.coefficients import krippendorff_alpha, percent_agreement
from annotator.domain.agreement.ratings import Ratings
from annotator.domain.metrics.anchoring import Anchoring
from annotator.domain.metrics.noise_ceiling import NoiseCounts, count_noise
from annotator.domain.schema import Attribute
from annotator.domain.states import INDEPENDENT, PERSONAL, Origin, SubmissionKind
from annotator.formats.snapshot.dataset_card import AttributeAgreement, Labelling
from annotator.models import Annotation, AskedAgain, Gold, QualificationImage, Submission
from annotator.services.common.counted import of_counted_image
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import active_schema
from annotator.services.tasks.anchoring import compute_anchoring

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
    further = aliased(Annotation)
    query = (
        select(Annotation.attribute_id, Annotation.image_id, Submission.labeller_id, Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id.in_(select(further.image_id).where(further.origin == Origin.OPINION)),
            Annotation.origin.in_(PERSONAL),
            of_counted_image(Annotation.image_id),
            Submission.kind.in_(INDEPENDENT),
            ~is_undone(),
        )
        .order_by(Annotation.id)
    )
    answers: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)
    for attribute, image, labeller, code in session.execute(query):
        answers[attribute].append((image, labeller, code))
    agreements, gold, active = [], _gold(session), active_schema(session)
    asked_again = set(session.scalars(select(AskedAgain.image_id)))
    for number, name in active.names.items():
        ratings = Ratings.read(answers[number])
        percent = percent_agreement(ratings, replicates=1)
        alpha = krippendorff_alpha(ratings, replicates=1)
        drawn = [answer for answer in answers[number] if answer[0] not in asked_again]
        noise = _noise(
            active.schema[name], drawn, {image: code for (image, of), code in gold.items() if of == number}
        )
        agreements.append(AttributeAgreement(name, percent.items, percent.value, alpha.value, noise))
    return agreements


def _noise(
    attribute: Attribute, answers: list[tuple[int, int, int | None]], gold: dict[int, int]
) -> NoiseCounts | None:
    """What answers (image, labeller, code) say of the noise of an attribute's labels; `gold`: correct codes by image."""
    if attribute.kind == "open":
        return None
    last = {(image, person): code for image, person, code in answers if code is not None}
    cells = np.array(
        sorted((image, person, code) for (image, person), code in last.items()), np.int64
    ).reshape(-1, 3)
    to_gold = [(gold[image], code) for (image, _), code in last.items() if image in gold]
    return count_noise([value.code for value in attribute.values], to_gold, cells[:, 0], cells[:, 2])


def _gold(session: Session) -> dict[tuple[int, int], int]:
    """The correct codes of gold cells by image and attribute; without images whose answers a qualification showed."""
    shown = select(QualificationImage.image_id).where(QualificationImage.answered_at.is_not(None))
    rows = session.execute(select(Gold.image_id, Gold.answers).where(Gold.image_id.not_in(shown)))
    return {
        (image, int(attribute or 0)): code
        for image, answers in rows
        for attribute, code in answers
        if code is not None
    }
