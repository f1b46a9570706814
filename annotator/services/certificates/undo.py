"""End certificates: somebody undoes one, or what it rests on has changed. Its cells are then open again."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute, Schema
from annotator.domain.states import CertificateState
from annotator.errors import Conflict
from annotator.models import AttributeRow, Certificate, now
from annotator.services.certificates.status import (
    UNFINISHED,
    CertificateStatus,
    read_certificate,
    unknown_certificate,
)

_STANDING = (*UNFINISHED, CertificateState.FILLED)


def undo_certificate(session: Session, number: int, labeller_id: int) -> CertificateStatus:
    """End a certificate that has not ended. From then on none of its cells is filled; answers of people stay.

    The queue gives the cells out again within seconds: the worker, or `continue_certificates`, counts them as open batch by
    batch.

    Args:
        session: a writing session.
        number: the certificate.
        labeller_id: who ends it.

    Raises:
        NotFound: if there is no such certificate.
        Conflict: if it has failed or lapsed. To undo it twice changes nothing.
    """
    row = session.get(Certificate, number)
    if row is None:
        raise unknown_certificate(number)
    if row.state in {CertificateState.FAILED, CertificateState.LAPSED}:
        raise Conflict(
            "certificate_ended",
            f"Certificate {number} has {row.state}, so that it fills nothing.",
            do="There is nothing to undo.",
        )
    if row.state != CertificateState.UNDONE:
        end(row, CertificateState.UNDONE, "It was undone.")
        row.ended_by = labeller_id
    return read_certificate(session, number)


def end(row: Certificate, state: CertificateState, reason: str) -> None:
    """End a certificate; the batches forget its cells."""
    row.state, row.reason, row.ended_at = state, reason, now()


def lapse_changed(session: Session, before: Schema, after: Schema, renamed: dict[str, str]) -> bool:
    """Let certificates lapse whose attribute means something else after a change of the schema.

    Other names, titles, keys, guidelines and positions leave them as they are.

    Args:
        session: a session that writes the change; the rows of attributes have their new names.
        before: the schema until now.
        after: the schema from now on.
        renamed: old name → new name of renamed attributes.

    Returns:
        Whether any lapsed.
    """
    meanings = {renamed.get(a.name, a.name): _meaning(a) for a in before.attributes}
    changed = [a.name for a in after.attributes if meanings.get(a.name, _meaning(a)) != _meaning(a)]
    rows = session.scalars(
        select(Certificate)
        .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
        .where(Certificate.state.in_(_STANDING), AttributeRow.name.in_(changed))
    ).all()
    for row in rows:
        end(row, CertificateState.LAPSED, "The values of its attribute have changed.")
    session.flush()
    return bool(rows)


def _meaning(attribute: Attribute) -> set[tuple[int, str, bool, tuple[int, ...]]]:
    return {(v.code, v.status, v.ends, v.replaced_by) for v in attribute.values}
