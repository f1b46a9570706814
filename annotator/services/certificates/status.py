"""What certificates are and how far they are, for pages, commands and snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from annotator.domain.states import CertificateState
from annotator.errors import NotFound
from annotator.models import (
    AttributeRow,
    Certificate,
    CertificateCell,
    CertificateSample,
    Label,
    Labeller,
    Predictions,
)
from annotator.services.common.counted import of_counted_image

UNFINISHED = (CertificateState.PREPARING, CertificateState.SAMPLING, CertificateState.FILLING)
"""States of certificates that are neither filled nor ended."""


@dataclass(frozen=True)
class CertificateStatus:
    """One certificate.

    Args:
        id: its number.
        attribute: the name of its attribute today.
        state: how far it is.
        attempt: the number of the attempt for this attribute, from 1.
        target: error, recall and confidence, as `Target` of the domain.
        plan: what `Plan.to_json` gives, and under `draw` what held when the sample was drawn; {} until the worker has planned.
        outcome: what `Decision.to_json` gives; None until it is decided.
        reason: why it failed, lapsed or was undone, in a sentence.
        predictions: the id of the predictions that it fills from.
        round: the round that made them; None: they were imported.
        schema_hash: the hash of the schema when it was created.
        seed: of the sample's draw; None until it is drawn.
        sample: the number of cells in its acceptance sample.
        answered: how many of these have a label.
        cells: the number of cells that it may fill, or fills, of images that count.
        progress: about which share of its cells is written down while it is prepared, or covered while it fills; else None.
        created_by: the name of the account that created it.
        created_at, drawn_at, decided_at, ended_at: when what happened.
    """

    id: int
    attribute: str
    state: CertificateState
    attempt: int
    target: dict[str, Any]
    plan: dict[str, Any]
    outcome: dict[str, Any] | None
    reason: str | None
    predictions: int
    round: int | None
    schema_hash: str
    seed: int | None
    sample: int
    answered: int
    cells: int
    progress: float | None
    created_by: str
    created_at: datetime
    drawn_at: datetime | None
    decided_at: datetime | None
    ended_at: datetime | None


def certificates(session: Session) -> list[CertificateStatus]:
    """Read all certificates, newest first."""
    return _read(session)


def read_certificate(session: Session, number: int) -> CertificateStatus:
    """Read one certificate.

    Raises:
        NotFound: if there is none with this number.
    """
    rows = _read(session, Certificate.id == number)
    if not rows:
        raise unknown_certificate(number)
    return rows[0]


def unknown_certificate(number: int) -> NotFound:
    """The error for a number that no certificate has."""
    return NotFound(
        "unknown_certificate", f"There is no certificate {number}.", do="GET /api/v1/certificates lists them."
    )


def _read(session: Session, *conditions: ColumnElement[bool]) -> list[CertificateStatus]:
    session.flush()
    rows = session.execute(
        select(Certificate, AttributeRow.name, Predictions.round_id, Labeller.name, Predictions.rows)
        .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
        .join(Predictions, Predictions.id == Certificate.predictions_id)
        .join(Labeller, Labeller.id == Certificate.labeller_id)
        .where(*conditions)
        .order_by(Certificate.id.desc())
    ).all()
    numbers = [row.id for row, *_ in rows]
    cells = _count(session, numbers, CertificateCell)
    sampled, answered = _count(session, numbers, CertificateSample), _count_answered(session, numbers)
    return [
        CertificateStatus(
            id=row.id,
            attribute=attribute,
            state=CertificateState(row.state),
            attempt=row.attempt,
            target=row.target,
            plan=row.plan,
            outcome=row.outcome,
            reason=row.reason,
            predictions=row.predictions_id,
            round=round_id,
            schema_hash=row.schema_hash,
            seed=row.seed,
            sample=sampled.get(row.id, 0),
            answered=answered.get(row.id, 0),
            cells=cells.get(row.id, 0),
            progress=_progress(session, row, rows_of_file),
            created_by=labeller,
            created_at=row.created_at,
            drawn_at=row.drawn_at,
            decided_at=row.decided_at,
            ended_at=row.ended_at,
        )
        for row, attribute, round_id, labeller, rows_of_file in rows
    ]


def _progress(session: Session, row: Certificate, rows_of_file: int) -> float | None:
    """The worker goes through the rows of the predictions, and then through the images."""
    if row.state == CertificateState.PREPARING and row.plan:
        return min(1.0, row.cursor / max(rows_of_file, 1))
    if row.state != CertificateState.FILLING:
        return None
    last = select(func.max(CertificateCell.image_id)).where(CertificateCell.certificate_id == row.id)
    return min(1.0, row.covered_to / max(session.scalar(last) or 0, 1))


def _count(
    session: Session, numbers: list[int], table: type[CertificateCell | CertificateSample]
) -> dict[int, int]:
    query = select(table.certificate_id, func.count()).where(table.certificate_id.in_(numbers))
    query = query.where(of_counted_image(table.image_id)).group_by(table.certificate_id)
    return dict(session.execute(query).all())


def _count_answered(session: Session, numbers: list[int]) -> dict[int, int]:
    query = (
        select(CertificateSample.certificate_id, func.count())
        .join(Certificate, Certificate.id == CertificateSample.certificate_id)
        .join(
            Label,
            (Label.image_id == CertificateSample.image_id) & (Label.attribute_id == Certificate.attribute_id),
        )
        .where(CertificateSample.certificate_id.in_(numbers), of_counted_image(CertificateSample.image_id))
        .group_by(CertificateSample.certificate_id)
    )
    return dict(session.execute(query).all())
