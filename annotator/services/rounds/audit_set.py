"""The audit set (the test split), on whose current labels the predictions of all rounds are measured.

Its images are drawn at random, labelled without suggestions and never trained on. Whenever audit labels are added, every round
is measured again, so that all rounds of a curve are compared on the same images.

A label counts here only if somebody gave its value blind: from the label page without a suggestion in sight, or in an imported
file. A correction can be made in sight of what the model answers, and would flatter it. It is exported, but a cell that was
corrected is measured on its newest blind answer, and a cell without one is not measured. Corrections from before the first
predictions count.

Answers from whom chance withheld the suggestions (services/tasks/withholding) are blind too, but only images of the test split
count here: the queue chose the others, most uncertain first, so they are no random draw.

A certificate chooses cells by what the model answers: those of its acceptance sample are sure ones, and those that are still
asked while it has filled the others are hard ones. Both are left out, so that what is measured stays a random choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Floats, Measured, Numbers, measure
from annotator.domain.metrics.statistics import balanced_answers
from annotator.domain.schema import Attribute
from annotator.domain.states import PERSONAL, CertificateState, Origin, SubmissionKind
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Annotation, Certificate, CertificateSample, Image, Label, Predictions, Submission
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.schema.active import ActiveSchema

MOST_IMAGES = 10_000
"""The largest number of audit images that are measured on; of more, this many are drawn at random.

With this many images the 95 % interval is about ±1 point.
"""


@dataclass(frozen=True)
class AuditSet:
    """The labelled audit images.

    Args:
        images: their names and SHA-256.
        labels: attribute → (images,) index of the correct value among the attribute's values, -1 without a blind answer.
        group: (images,) the index of the image's group.
        groups: the number of groups.
    """

    images: list[tuple[str, str]]
    labels: Mapping[str, Numbers]
    group: Numbers
    groups: int


@dataclass(frozen=True)
class Answers:
    """A model's answers to the labelled audit images of one attribute.

    Args:
        p: (images, values) probabilities.
        prior: (values,) the class priors that the model was trained with.
        labels: (images,) index of the correct value.
        group: (images,) index of the group.
    """

    p: Floats
    prior: Floats
    labels: Numbers
    group: Numbers


def read_audit_set(session: Session, active: ActiveSchema) -> AuditSet:
    """Read the audit set with its current labels."""
    labelled = exists().where(Label.image_id == Image.id)
    selected = (
        select(Image.id, Image.name, Image.sha256, Image.group)
        .where(Image.split == "test", COUNTED, labelled)
        .order_by(Image.shuffle, Image.id)
        .limit(MOST_IMAGES)
    )
    rows = session.execute(selected).all()
    index = {row.id: number for number, row in enumerate(rows)}
    labels = {a.name: np.full(len(rows), -1) for a in active.schema.attributes if a.kind == "categorical"}
    classes = {name: {v.code: n for n, v in enumerate(active.schema[name].values)} for name in labels}
    for image, attribute, code in _blind_labels(session, active, select(selected.subquery().c.id)):
        name = active.names[attribute]
        if name in labels:
            labels[name][index[image]] = classes[name].get(code, -1)
    groups, member = np.unique([row.group for row in rows], return_inverse=True)
    return AuditSet([(row.name, row.sha256) for row in rows], labels, member.astype(np.int64), len(groups))


def _blind_labels(
    session: Session, active: ActiveSchema, images: Select[int]
) -> Iterator[tuple[int, int, int]]:
    """The labelled cells of images with the value on which they are measured: (image id, attribute id, code)."""
    blind = blind_answers(session, active, images, ~_is_chosen_by_certificate())
    query = select(Label.image_id, Label.attribute_id, Label.code)
    for image, attribute, code in session.execute(query.where(Label.image_id.in_(images))):
        values = blind.get((image, attribute), [None])
        measured = code if code in values else values[-1]
        if code is not None and measured is not None:
            yield image, attribute, measured


def blind_answers(
    session: Session, active: ActiveSchema, images: Select[int], *conditions: ColumnElement[bool]
) -> dict[tuple[int, int], list[int | None]]:
    """The values that somebody gave to cells of images without a suggestion in sight, oldest first, as they are called today.

    Args:
        session: a session.
        active: the active schema.
        images: selects the ids of the images.
        conditions: further conditions on `Annotation` and its `Submission`.

    Returns:
        (image id, attribute id) → codes, None for "can't tell".
    """
    unseen = and_(Submission.kind == SubmissionKind.ANSWER, Annotation.origin != Origin.SUGGESTION)
    before = Submission.created_at < select(func.min(Predictions.loaded_at)).scalar_subquery()
    no_predictions = ~exists(select(Predictions.id))
    query = (
        select(Annotation.image_id, Annotation.attribute_id, Annotation.code)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id.in_(images),
            Annotation.origin.in_((*PERSONAL, Origin.REVIEW, Origin.IMPORT)),
            ~Annotation.corrected,
            or_(unseen, Submission.kind == SubmissionKind.IMPORT, before, no_predictions),
            ~is_undone(),
            ~is_cleared(),
            *conditions,
        )
        .order_by(Annotation.id)
    )
    answers: dict[tuple[int, int], list[int | None]] = {}
    for image, attribute, code in session.execute(query):
        current = code if code is None else active.replaced.get((attribute, code), code)
        if code is None or current is not None:  # a value that was split says nothing today
            answers.setdefault((image, attribute), []).append(current)
    return answers


def _is_chosen_by_certificate() -> ColumnElement[bool]:
    """Whether an annotation answers a cell of an acceptance sample, or was given while sure cells of its attribute were filled."""
    sampled = exists().where(
        CertificateSample.image_id == Annotation.image_id,
        Certificate.id == CertificateSample.certificate_id,
        Certificate.attribute_id == Annotation.attribute_id,
    )
    filled = exists().where(
        Certificate.attribute_id == Annotation.attribute_id,
        Certificate.state != CertificateState.FAILED,
        Certificate.decided_at <= Submission.created_at,
        or_(Certificate.ended_at.is_(None), Certificate.ended_at > Submission.created_at),
    )
    return or_(sampled, filled)


def answers_to_audit(
    file: PredictionsFile, active: ActiveSchema, audit: AuditSet, rows: Numbers
) -> dict[str, Answers]:
    """A model's answers to the labelled audit cells, by attribute.

    Args:
        file: the predictions.
        active: the schema, whose values may have been added or merged after the model was trained.
        audit: the audit set.
        rows: (images,) the row of each audit image in the file, -1 if the file lacks it.
    """
    priors = {entry["name"]: entry.get("prior") for entry in file.manifest["schema"]["attributes"]}
    answers = {}
    for old_name, codes in file.codes.items():
        name = active.current_name(old_name)
        if name not in audit.labels:
            continue
        cells = (audit.labels[name] >= 0) & (rows >= 0)
        columns = value_columns(active.schema[name], codes)
        prior = np.asarray(priors[old_name] or [1 / len(codes)] * len(codes)) @ columns
        p = file.probabilities(old_name, rows[cells]) @ columns
        answers[name] = Answers(p, prior, audit.labels[name][cells], audit.group[cells])
    return answers


def value_columns(attribute: Attribute, codes: list[int]) -> Floats:
    """The (codes, values) matrix that is 1 where a code of the model now stands for a value."""
    index = {value.code: number for number, value in enumerate(attribute.values)}
    columns = np.zeros((len(codes), len(index)))
    for row, code in enumerate(codes):
        current = attribute.current(code)
        if current in index:
            columns[row, index[current]] = 1
    return columns


def measure_answers(answers: Answers, audit: AuditSet) -> Measured:
    """Balanced accuracy with its interval."""
    predicted = balanced_answers(answers.p, answers.prior)
    return measure(predicted, answers.labels, answers.p.shape[1], answers.group, audit.groups)
