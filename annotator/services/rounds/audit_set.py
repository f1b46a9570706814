"""The audit set as a ruler: its labels as of now, against which every round's predictions are measured alike.

Its images are drawn at random, labelled without suggestions and never trained on. A round is measured anew whenever
audit labels come in, so that all rounds of a curve are compared on the same images.
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
from annotator.services.schema.active import ActiveSchema

MOST_IMAGES = 10_000
"""Audit images that are measured on, drawn at random if there are more: ±1 point is narrow enough for any page."""


@dataclass(frozen=True)
class AuditSet:
    """The labelled audit images.

    Args:
        images: their names and sha256.
        labels: attribute → (images,) place of the right value among the attribute's values, -1 if there is none.
        group: (images,) the number of the image's group.
        groups: how many there are.
    """

    images: list[tuple[str, str]]
    labels: Mapping[str, Numbers]
    group: Numbers
    groups: int


@dataclass(frozen=True)
class Answers:
    """What a model answers to the audit images of one attribute that have a label: probabilities and right values."""

    p: Floats
    prior: Floats
    labels: Numbers
    group: Numbers


def read_audit_set(session: Session, active: ActiveSchema) -> AuditSet:
    """The audit set as it is labelled now."""
    labelled = exists().where(Label.image_id == Image.id)
    chosen = (
        select(Image.id, Image.name, Image.sha256, Image.group)
        .where(Image.split == "test", labelled)
        .order_by(Image.shuffle, Image.id)
        .limit(MOST_IMAGES)
    )
    rows = session.execute(chosen).all()
    place = {row.id: number for number, row in enumerate(rows)}
    labels = {a.name: np.full(len(rows), -1) for a in active.schema.attributes if a.kind == "categorical"}
    classes = {name: {v.code: n for n, v in enumerate(active.schema[name].values)} for name in labels}
    images = chosen.subquery()
    query = select(Label.image_id, Label.attribute_id, Label.code).join(images, images.c.id == Label.image_id)
    for image, attribute, code in session.execute(query.where(Label.code.is_not(None))):
        name = active.names[attribute]
        if name in labels:
            labels[name][place[image]] = classes[name].get(code or 0, -1)
    groups, member = np.unique([row.group for row in rows], return_inverse=True)
    return AuditSet([(row.name, row.sha256) for row in rows], labels, member.astype(np.int64), len(groups))


def answers_of(
    file: PredictionsFile, active: ActiveSchema, audit: AuditSet, rows: Numbers
) -> dict[str, Answers]:
    """A model's answers to the labelled audit cells, by attribute.

    Args:
        file: the predictions.
        active: the schema, whose values may have been added or merged since the model was trained.
        audit: the audit set.
        rows: of its images in the file, -1 where unknown.
    """
    priors = {entry["name"]: entry.get("prior") for entry in file.manifest["schema"]["attributes"]}
    found = {}
    for old_name, codes in file.codes.items():
        name = active.current_name(old_name)
        if name not in audit.labels:
            continue
        cells = (audit.labels[name] >= 0) & (rows >= 0)
        columns = _columns(active.schema[name], codes)
        prior = np.asarray(priors[old_name] or [1 / len(codes)] * len(codes)) @ columns
        p = file.probabilities(old_name, rows[cells]) @ columns
        found[name] = Answers(p, prior, audit.labels[name][cells], audit.group[cells])
    return found


def _columns(attribute: Attribute, codes: list[int]) -> Floats:
    """(codes, values) 1 where a code of the model means a value by now."""
    places = {value.code: place for place, value in enumerate(attribute.values)}
    columns = np.zeros((len(codes), len(places)))
    for row, code in enumerate(codes):
        current = attribute.current(code)
        if current in places:
            columns[row, places[current]] = 1
    return columns


def measure_answers(answers: Answers, audit: AuditSet) -> Measured:
    """Balanced accuracy with its interval."""
    said = balanced_answers(answers.p, answers.prior)
    return measure(said, answers.labels, answers.p.shape[1], answers.group, audit.groups)
