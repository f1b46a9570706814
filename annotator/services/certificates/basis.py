"""What a plan is made from: the model's answers to cells that people answered blind, and to cells that may be filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.ladder import Checked
from annotator.domain.certificates.target import Allowance
from annotator.domain.schema import Attribute
from annotator.errors import FacelabelError
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Certificate, Gold, Image, Label, ValueRow
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.predictions.active import Source, active_predictions
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.rounds.audit_set import answers_to_audit, read_audit_set, value_columns
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.tasks.anchoring import anchoring_allowance
from annotator.services.tasks.settings import team_settings

_PART = 100_000


@dataclass(frozen=True)
class Basis:
    """What is known of one attribute.

    Args:
        attribute_id: its id.
        source: the predictions that suggest its values.
        codes: (values,) the codes of all its values, retired ones too.
        names: (values,) their names.
        fillable: (values,) whether labellers can choose the value.
        checked: the model's answers to audit cells that people answered blind, with what they answered.
        open_: (cells, values) the model's probabilities of the cells that a certificate may fill, those that an earlier one filled
            among them, in the order of the predictions' rows.
        open_images: (cells,) the ids of their images.
        open_rows: (cells,) their rows in the predictions.
        labelled_counts: (values,) the number of labels of each value in images that count.
        images: the number of images that count.
        allowance: what is reserved for people's own errors.
        attempt: the number that the next attempt for the attribute gets.
    """

    attribute_id: int
    source: Source
    codes: list[int]
    names: list[str]
    fillable: NDArray[np.bool_]
    checked: Checked
    open_: NDArray[np.float64]
    open_images: NDArray[np.int64]
    open_rows: NDArray[np.int64]
    labelled_counts: NDArray[np.int64]
    images: int
    allowance: Allowance
    attempt: int


def read_basis(project: ProjectFolder, session: Session, attribute: str) -> Basis:
    """Read what a plan for an attribute is made from; the preview and the worker use the same.

    A million open cells take about two seconds: use a session that only reads.

    Raises:
        FacelabelError: as `source_of`.
    """
    active = active_schema(session)
    source = source_of(project, session, active, attribute)
    attribute_id, asked = active.ids[attribute], active.schema[attribute]
    images, rows = _open_cells(session, attribute_id, source.file)
    return Basis(
        attribute_id=attribute_id,
        source=source,
        codes=[value.code for value in asked.values],
        names=[value.name for value in asked.values],
        fillable=np.asarray([value.status == "active" for value in asked.values]),
        checked=_read_checked(session, active, asked, source.file),
        open_=_probabilities(source.file, asked, rows),
        open_images=images,
        open_rows=rows,
        labelled_counts=count_labels(session, attribute_id, [value.code for value in asked.values]),
        images=session.scalar(select(func.count()).select_from(Image).where(COUNTED)) or 0,
        allowance=anchoring_allowance(session, attribute),
        attempt=next_attempt(session, attribute_id),
    )


def source_of(project: ProjectFolder, session: Session, active: ActiveSchema, attribute: str) -> Source:
    """The predictions that suggest the values of an attribute which a certificate can fill.

    Raises:
        FacelabelError: if there is no such attribute, its answers are names, or no predictions answer it.
    """
    if attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    if active.schema[attribute].kind == "open":
        raise FacelabelError(
            "not_fillable",
            f"{attribute} is answered with names, which the model does not know.",
            do="Choose another attribute.",
        )
    predictions = active_predictions(project, session, active.hash)
    source = predictions.sources.get(attribute) if predictions else None
    if source is None or not source.file.is_usable():
        raise FacelabelError(
            "no_predictions",
            f"No predictions answer {attribute}.",
            do="Start a round, and wait until it is done.",
        )
    return source


def next_attempt(session: Session, attribute_id: int) -> int:
    """The number of the next attempt: every earlier one whose sample was drawn has spent a part of the level."""
    drawn = select(func.count()).where(
        Certificate.attribute_id == attribute_id, Certificate.drawn_at.is_not(None)
    )
    return (session.scalar(drawn) or 0) + 1


def count_labels(session: Session, attribute_id: int, codes: list[int]) -> NDArray[np.int64]:
    """Count the labels of each value in images that count: (values,) in the order of `codes`."""
    query = (
        select(Label.code, func.count())
        .where(Label.attribute_id == attribute_id, of_counted_image(Label.image_id))
        .group_by(Label.code)
    )
    counts = dict(session.execute(query).all())
    return np.asarray([counts.get(code, 0) for code in codes], np.int64)


def may_be_filled(session: Session, attribute_id: int) -> ColumnElement[bool]:
    """The condition that an image counts and that its cell may become a candidate.

    Left out are labelled cells, images that a value has ended, and images that several people shall answer: gold and
    overlapped ones measure people. Audit images are filled like others; services/rounds/audit_set ignores answers that were
    chosen by a certificate.
    """
    ended = (
        select(Label.image_id)
        .join(ValueRow, and_(ValueRow.attribute_id == Label.attribute_id, ValueRow.code == Label.code))
        .where(ValueRow.ends)
    )
    return and_(
        COUNTED,
        ~exists().where(Label.image_id == Image.id, Label.attribute_id == attribute_id),
        or_(Image.open_cells > 0, Image.id.not_in(ended)),
        Image.shuffle >= team_settings(session).overlap_end,
        ~exists().where(Gold.image_id == Image.id),
    )


def _read_checked(
    session: Session, active: ActiveSchema, attribute: Attribute, file: PredictionsFile
) -> Checked:
    audit = read_audit_set(session, active)
    rows = file.rows_of(audit.images)
    answers = answers_to_audit(file, active, audit, rows).get(attribute.name)
    if answers is None:
        none = np.empty(0, np.int64)
        return Checked(np.empty((0, len(attribute.values))), none, none, np.empty(0))
    return Checked(answers.p, answers.labels, answers.group, np.ones(len(answers.labels)))


def _open_cells(
    session: Session, attribute_id: int, file: PredictionsFile
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The images of the cells that may be filled, and their rows in the predictions, in the order of the rows."""
    query = select(Image.name, Image.sha256, Image.id).where(may_be_filled(session, attribute_id))
    numbers = {
        (name, sha256): number for rows in fetch_many(session, query, _PART) for name, sha256, number in rows
    }
    found = [
        (numbers[image], row)
        for row, image in enumerate(file.images_between(0, file.rows))
        if image in numbers
    ]
    images, rows = np.asarray(found, np.int64).reshape(-1, 2).T
    return images, rows


def _probabilities(
    file: PredictionsFile, attribute: Attribute, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    columns = value_columns(attribute, file.codes[attribute.name])
    parts = [
        file.probabilities(attribute.name, rows[start : start + _PART]) @ columns
        for start in range(0, len(rows), _PART)
    ]
    return np.concatenate(parts) if parts else np.empty((0, columns.shape[1]))
