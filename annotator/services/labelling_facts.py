"""How the labels came about, for a snapshot's card: origins, number of labellers, agreement."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import distinct, exists, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.agreement import krippendorff_alpha, percent_agreement
from annotator.domain.ratings import Ratings
from annotator.formats.dataset_card import AgreementFigure, Labelling
from annotator.models import ORIGINS, Annotation, Submission
from annotator.services.overlap import INDEPENDENT
from annotator.services.schema_in_force import schema_in_force


def read_labelling(session: Session) -> Labelling:
    """The facts as of now; no names of people, no times."""
    # Not by GROUP BY: without an index that sorts all annotations, in memory.
    counts = session.execute(select(*(func.sum(Annotation.origin == origin) for origin in ORIGINS))).one()
    origins = {origin: number for origin, number in zip(ORIGINS, counts, strict=True) if number}
    people = select(func.count(distinct(Submission.labeller_id))).where(
        Submission.kind.not_in(("import", "schema"))
    )
    return Labelling(origins, session.scalar(people) or 0, _agreement(session))


def _agreement(session: Session) -> list[AgreementFigure]:
    """Per attribute, over the cells in which somebody gave a further opinion: the others have one answer."""
    later, further = aliased(Submission), aliased(Annotation)
    query = (
        select(Annotation.attribute_id, Annotation.image_id, Submission.labeller_id, Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id.in_(select(further.image_id).where(further.origin == "opinion")),
            Annotation.origin.in_(("human", "suggestion", "opinion")),
            Submission.kind.in_(INDEPENDENT),
            ~exists().where(later.undoes == Submission.id),
        )
        .order_by(Annotation.id)
    )
    answers: dict[int, list[tuple[int, int, int | None]]] = defaultdict(list)
    for attribute, image, labeller, code in session.execute(query):
        answers[attribute].append((image, labeller, code))
    figures = []
    for number, name in schema_in_force(session).names.items():
        ratings = Ratings.read(answers[number])
        percent = percent_agreement(ratings, replicates=1)
        alpha = krippendorff_alpha(ratings, replicates=1)
        figures.append(AgreementFigure(name, percent.items, percent.value, alpha.value))
    return figures
