"""The cells that a model filled, for snapshots and exports. Snapshots of rounds never read them: no model learns from them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from annotator.domain.states import CertificateState
from annotator.formats.snapshot.filled.cells import SnapshotCertificate
from annotator.formats.snapshot.images import MISSING, Codes, Probabilities
from annotator.models import AttributeRow, Certificate, CertificateCell, Image, Label, Predictions, ValueRow
from annotator.services.common.counted import COUNTED
from annotator.services.predictions.label_columns import fetch_many

_ROWS = 10_000
_NOT_ENDED = CertificateCell.image_id.not_in(
    select(Label.image_id)
    .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
    .where(ValueRow.ends)
)
"""The condition that no label ends the image of a cell ("no face"): an ended image has no other cells."""


@dataclass(frozen=True)
class _Column:
    """The filled cells of an attribute by image id."""

    codes: NDArray[np.integer[Any]]
    probabilities: NDArray[np.float64]


class FilledColumns:
    """The filled cells of all images, ten bytes a cell, and their certificates.

    Args:
        session: a session; its transaction sees one state of the cells.
    """

    def __init__(self, session: Session) -> None:
        query = (
            select(Certificate, AttributeRow.name, Predictions)
            .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
            .join(Predictions, Predictions.id == Certificate.predictions_id)
            .where(Certificate.state == CertificateState.FILLED)
            .order_by(AttributeRow.position)
        )
        rows = session.execute(query).all()
        size = (session.scalar(select(func.max(Image.id))) or 0) + 1 if rows else 0
        self._columns = {name: _read_column(session, one.id, size) for one, name, _ in rows}
        self.certificates = [
            SnapshotCertificate(f"{name}:{one.attempt}", name, _document(one, predictions))
            for one, name, predictions in rows
        ]

    def over(self, images: NDArray[np.int64], codes: Codes) -> tuple[Codes, Probabilities]:
        """Put the filled cells of some images over their labels, where there is no label.

        Args:
            images: (images,) their ids.
            codes: their labels, (images,) codes of each attribute.

        Returns:
            The codes of labels and filled cells, and the probabilities of the filled cells; nothing of these without a
            certificate.
        """
        if not self._columns:
            return codes, {}
        together, probabilities = dict(codes), {}
        for name, column in self._columns.items():
            is_filled = (codes[name] == MISSING) & (column.codes[images] != MISSING)
            together[name] = np.where(is_filled, column.codes[images], codes[name])
            probabilities[name] = np.where(is_filled, column.probabilities[images], np.nan)
        return together, probabilities


def count_filled_cells(session: Session) -> int:
    """Count the cells that a model filled, those of excluded images among them; without a certificate in no time."""
    query = select(func.count()).select_from(CertificateCell).join(Certificate)
    return session.scalar(query.where(Certificate.state == CertificateState.FILLED)) or 0


def images_with_covered_cells(session: Session, *, without_filled: bool) -> AbstractSet[int]:
    """Return the images that `Image.open_cells` counts too little for, because certificates cover some of their cells.

    They are not labelled, even if nobody is asked about them.

    Args:
        session: a session.
        without_filled: leave out the cells that are filled, which count like labels.
    """
    query = _covered(CertificateCell.image_id)
    if without_filled:
        query = query.where(Certificate.state != CertificateState.FILLED)
    return set(session.scalars(query))


def done_by_filling(session: Session) -> int:
    """Count the images that need no answer only because certificates cover some of their cells."""
    images = _covered(CertificateCell.image_id).distinct().subquery()
    done = select(func.count()).select_from(images).join(Image, Image.id == images.c.image_id)
    return session.scalar(done.where(COUNTED, Image.open_cells == 0)) or 0


def _covered(column: InstrumentedAttribute[int]) -> Select[int]:
    """A query of the required cells that `Image.open_cells` does not count because a certificate covers them."""
    return (
        select(column)
        .join(Certificate, Certificate.id == CertificateCell.certificate_id)
        .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
        .where(CertificateCell.image_id <= Certificate.covered_to, AttributeRow.required, _NOT_ENDED)
    )


def _read_column(session: Session, certificate: int, size: int) -> _Column:
    column = _Column(np.full(size, MISSING, np.int16), np.full(size, np.nan))
    query = select(CertificateCell.image_id, CertificateCell.code, CertificateCell.probability).where(
        CertificateCell.certificate_id == certificate, _NOT_ENDED
    )
    for rows in fetch_many(session, query, _ROWS):
        images, codes, probabilities = zip(*rows, strict=True)
        column.codes[list(images)] = codes
        column.probabilities[list(images)] = probabilities
    return column


def _document(certificate: Certificate, predictions: Predictions) -> dict[str, Any]:
    outcome = {**(certificate.outcome or {})}
    return {
        "attempt": certificate.attempt,
        "basis": outcome.pop("basis", {}),
        "outcome": outcome,
        "people": certificate.plan.get("people"),
        "plan": {key: value for key, value in certificate.plan.items() if key not in {"draw", "people"}},
        "predictions": {"content_hash": predictions.content_hash, "round": predictions.round_id},
        "schema_hash": certificate.schema_hash,
        "seed": certificate.seed,
        "target": certificate.target,
    }
