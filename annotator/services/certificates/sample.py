"""The acceptance sample: what people answered in it, and for which of its cells an answer is still to come.

Only a blind answer can speak for the model (services/rounds/audit_set says which are blind). A cell counts as right only if
the value that it would be filled with is its label and was also given blind; every other label counts as it is, so a
correction in sight of the model can only count against it. A cell without a label, or whose label nobody gave blind, counts as
an error. It is not drawn again: what people see and do must not choose the sample.

A cell whose image has left the dataset (it was excluded or erased, or a value ended it, such as "no face", so that its cell is
never asked) is neither right nor wrong: it stays in the sample as OUTSIDE, for all those that would leave the dataset if
somebody looked at them. People judge that without seeing the model's value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.decision import CANNOT_TELL, OUTSIDE, UNANSWERED, Sample
from annotator.domain.states import SubmissionKind
from annotator.models import Annotation, Certificate, CertificateSample, Image, Label, Submission, ValueRow
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.rounds.audit_set import blind_answers
from annotator.services.schema.active import ActiveSchema


@dataclass(frozen=True)
class ReadSample:
    """A sample as it stands.

    Args:
        cells: what the domain decides from.
        waiting: the number of its cells for which an answer is still to come.
    """

    cells: Sample
    waiting: int


def read_sample(session: Session, active: ActiveSchema, certificate: Certificate) -> ReadSample:
    """Read the cells of a sample as they stand."""
    draw = certificate.plan["draw"]
    index = {code: place for place, code in enumerate(draw["codes"])}
    erased = np.asarray(draw["sampled"], np.int64)
    images = select(CertificateSample.image_id).where(CertificateSample.certificate_id == certificate.id)
    blind = blind_answers(session, active, images, Annotation.attribute_id == certificate.attribute_id)
    levels, values, labels, waiting = [], [], [], 0
    for image, level, code, is_outside, is_labelled, label, is_asked in session.execute(_cells(certificate)):
        given = blind.get((image, certificate.attribute_id), [])
        levels.append(level)
        values.append(index[code])
        erased[level - 1, index[code]] -= 1
        if is_outside:
            labels.append(OUTSIDE)
        else:
            labels.append(_measured(index, code, label, given) if is_labelled else UNANSWERED)
            waiting += not is_labelled and bool(is_asked)
    for level, value in zip(*np.nonzero(erased), strict=True):
        number = int(erased[level, value])
        levels += [int(level) + 1] * number
        values += [int(value)] * number
        labels += [OUTSIDE] * number
    numbers = [np.asarray(column, np.int64) for column in (levels, values, labels)]
    return ReadSample(Sample(*numbers), waiting)


def _measured(index: dict[int, int], filled: int, label: int | None, blind: list[int | None]) -> int:
    """The answer to a labelled cell, as the index of its value, CANNOT_TELL or UNANSWERED."""
    answer = label
    if label == filled and filled not in blind:
        if not blind:
            return UNANSWERED
        answer = blind[-1]
    return CANNOT_TELL if answer is None else index.get(answer, CANNOT_TELL)


def _cells(certificate: Certificate) -> Select[int, int, int, bool, bool, int | None, bool]:
    """The cells of the sample: image, level, code, whether it is outside, whether it is labelled, label, whether it is asked."""
    ended = exists().where(
        Label.image_id == Image.id,
        ValueRow.attribute_id == Label.attribute_id,
        ValueRow.code == Label.code,
        ValueRow.ends,
    )
    answered = exists().where(  # without this cell: nobody waits for more
        Submission.image_id == Image.id,
        Submission.kind == SubmissionKind.ANSWER,
        ~Submission.late,
        Submission.created_at >= certificate.drawn_at,
        ~is_undone(),
    )
    label = (
        select(Label.image_id, Label.code).where(Label.attribute_id == certificate.attribute_id).subquery()
    )
    return (
        select(
            Image.id,
            CertificateSample.level,
            CertificateSample.code,
            or_(~COUNTED, and_(label.c.image_id.is_(None), ended)),
            label.c.image_id.is_not(None),
            label.c.code,
            ~answered,
        )
        .join(Image, Image.id == CertificateSample.image_id)
        .outerjoin(label, label.c.image_id == Image.id)
        .where(CertificateSample.certificate_id == certificate.id)
        .order_by(Image.id)
    )
