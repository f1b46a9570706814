"""The audit set (the test split), on whose current labels the predictions of all rounds are measured.

Its images are drawn at random, labelled without suggestions and never trained on. Whenever audit labels are added, every round
is measured again, so that all rounds of a curve are compared on the same images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Floats, Measured, Numbers, measure
from annotator.domain.metrics.statistics import balanced_answers
from annotator.domain.schema import Attribute
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Label
from annotator.services.common.counted import COUNTED
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
        labels: attribute → (images,) index of the correct value among the attribute's values, -1 without a label.
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
    images = selected.subquery()
    query = select(Label.image_id, Label.attribute_id, Label.code).join(images, images.c.id == Label.image_id)
    for image, attribute, code in session.execute(query.where(Label.code.is_not(None))):
        name = active.names[attribute]
        if name in labels:
            labels[name][index[image]] = classes[name].get(code or 0, -1)
    groups, member = np.unique([row.group for row in rows], return_inverse=True)
    return AuditSet([(row.name, row.sha256) for row in rows], labels, member.astype(np.int64), len(groups))


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
