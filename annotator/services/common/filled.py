"""Cells that the model fills under a certificate: which are filled, and which nobody is asked about.

A cell is *filled* while a certificate in the state `filled` has its row. Filled cells are no labels: only what asks this
module sees them. A cell is *covered* while `images.open_cells` does not count it: its row is there, and its image is not
beyond `covered_to` of its certificate. Filling covers cells batch by batch before they are filled, and after an undo they
are uncovered batch by batch, so that no transaction is long.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, exists, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed, joined
from annotator.domain.states import CertificateState
from annotator.models import AttributeRow, Certificate, CertificateCell, CertificateSample, Image


@dataclass(frozen=True)
class FilledCell:
    """A filled cell.

    Args:
        image_id: its image.
        attribute: the name of its attribute.
        code: the model's value.
        probability: the model's probability of the value.
        certificate: the number of its certificate.
    """

    image_id: int
    attribute: str
    code: int
    probability: float
    certificate: int


def filled_cells(session: Session, image_ids: Collection[int]) -> list[FilledCell]:
    """Read the filled cells of some images, by image and attribute. Without a filled certificate this is one small query."""
    rows = session.connection().execute(_FILLED_CELLS, {"image_ids": list(image_ids)})
    return [FilledCell(*row) for row in rows]


_FILLED_CELLS = (
    select(CertificateCell.image_id, AttributeRow.name, CertificateCell.code, CertificateCell.probability)
    .add_columns(Certificate.id)
    .join(Certificate, Certificate.id == CertificateCell.certificate_id)
    .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
    .where(
        is_listed(CertificateCell.image_id, "image_ids"),
        Certificate.state == CertificateState.FILLED,
    )
    .order_by(CertificateCell.image_id, AttributeRow.position)
)


def has_filled_cell(attribute_id: int | None = None, code: int | None = None) -> ColumnElement[bool]:
    """The condition that an image has a filled cell.

    Args:
        attribute_id: only of this attribute.
        code: only with this value.
    """
    query = exists().where(
        CertificateCell.image_id == Image.id,
        Certificate.id == CertificateCell.certificate_id,
        Certificate.state == CertificateState.FILLED,
    )
    if attribute_id is not None:
        query = query.where(Certificate.attribute_id == attribute_id)
    return query if code is None else query.where(CertificateCell.code == code)


def is_covered(attribute_id: int) -> ColumnElement[bool]:
    """The condition that nobody is asked about a cell of an image, because it is filled, or is about to be."""
    return exists().where(
        CertificateCell.image_id == Image.id,
        Certificate.id == CertificateCell.certificate_id,
        Certificate.attribute_id == attribute_id,
        CertificateCell.image_id <= Certificate.covered_to,
    )


def _covered() -> ScalarSelect[str]:
    return (
        select(joined(Certificate.attribute_id))
        .select_from(CertificateCell)
        .join(Certificate, Certificate.id == CertificateCell.certificate_id)
        .where(CertificateCell.image_id == Image.id, CertificateCell.image_id <= Certificate.covered_to)
        .correlate(Image)
        .scalar_subquery()
    )


COVERED = _covered().label("covered")
"""A column for queries of images: the covered cells of an image, which `covered_attributes` reads.

It is part of queries that are made anyway, so that a project without certificates pays no query for it.
"""


def covered_attributes(covered: str | None) -> frozenset[int]:
    """Read the column COVERED: the ids of the attributes."""
    return frozenset(map(int, covered.split(","))) if covered else frozenset()


def is_sampled() -> ColumnElement[bool]:
    """The condition that an image is in an acceptance sample that is being answered."""
    return exists().where(
        CertificateSample.image_id == Image.id,
        Certificate.id == CertificateSample.certificate_id,
        Certificate.state == CertificateState.SAMPLING,
    )
