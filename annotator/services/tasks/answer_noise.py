"""How noisy single answers are: what people answered about the same images, and about gold images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from annotator.domain.metrics.noise_ceiling import NoiseCounts, count_noise
from annotator.domain.schema import Attribute
from annotator.domain.states import INDEPENDENT, PERSONAL, Origin
from annotator.models import Annotation, AskedAgain, Gold, QualificationImage, Submission
from annotator.services.common.counted import of_counted_image
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import ActiveSchema

Answers = Mapping[int, list[tuple[int, int, int | None]]]
"""By attribute id: image, labeller and code of answers, oldest first."""


def read_shared_answers(session: Session) -> Answers:
    """Read the answers to images with opinions; other images have one answer."""
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
    return answers


def count_answer_noise(session: Session, active: ActiveSchema, answers: Answers) -> dict[str, NoiseCounts]:
    """Count what answers say of the noise of each categorical attribute's labels.

    Args:
        session: a session.
        active: the schema.
        answers: what `read_shared_answers` returned.
    """
    gold, asked_again = _gold(session), set(session.scalars(select(AskedAgain.image_id)))
    return {
        name: _noise(
            active.schema[name],
            # Those that were asked again were chosen because they looked wrong.
            [answer for answer in answers.get(number, ()) if answer[0] not in asked_again],
            {image: code for (image, of), code in gold.items() if of == number},
        )
        for number, name in active.names.items()
        if active.schema[name].kind != "open"
    }


def _noise(
    attribute: Attribute, answers: list[tuple[int, int, int | None]], gold: dict[int, int]
) -> NoiseCounts:
    """What answers (image, labeller, code) say of the noise of an attribute's labels; `gold`: correct codes by image."""
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
