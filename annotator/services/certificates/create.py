"""Create a certificate. The worker then chooses the cells, draws the sample and, when it is answered, decides."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.errors import Conflict
from annotator.models import Certificate, now
from annotator.project import ProjectFolder
from annotator.services.certificates.basis import next_attempt, source_of
from annotator.services.certificates.status import UNFINISHED, CertificateStatus, read_certificate
from annotator.services.schema.active import active_schema


def create_certificate(
    project: ProjectFolder, session: Session, attribute: str, target: Target, labeller_id: int, key: str
) -> CertificateStatus:
    """Begin a certificate for an attribute. A repetition with the same key returns the same one.

    Args:
        project: the project.
        session: a writing session.
        attribute: the name of a categorical attribute.
        target: what must hold.
        labeller_id: who asks for it.
        key: the idempotency key.

    Returns:
        The certificate, in the state `preparing`. If too little is known to certify, the worker sets it to `failed`, with the
        reason.

    Raises:
        FacelabelError: if there is no such attribute, its answers are names, or no predictions answer it.
        Conflict: if a certificate of the attribute is unfinished, or the key was used for another request.
    """
    active = active_schema(session)
    existing = session.scalars(select(Certificate).where(Certificate.key == key)).one_or_none()
    if existing is not None:
        _check_repetition(existing, active.ids.get(attribute), target, labeller_id)
        return read_certificate(session, existing.id)
    source = source_of(project, session, active, attribute)
    attribute_id = active.ids[attribute]
    unfinished = session.scalar(
        select(Certificate.id).where(
            Certificate.attribute_id == attribute_id, Certificate.state.in_(UNFINISHED)
        )
    )
    if unfinished is not None:
        raise Conflict(
            "certificate_unfinished",
            f"Certificate {unfinished} of {attribute} is unfinished.",
            do="Wait until it is decided, or undo it.",
        )
    row = Certificate(
        key=key,
        attribute_id=attribute_id,
        state=CertificateState.PREPARING,
        attempt=next_attempt(session, attribute_id),
        predictions_id=source.predictions,
        schema_hash=active.hash,
        target=target.to_json(),
        plan={},
        labeller_id=labeller_id,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    return read_certificate(session, row.id)


def _check_repetition(row: Certificate, attribute_id: int | None, target: Target, labeller_id: int) -> None:
    if (row.attribute_id, row.target, row.labeller_id) != (attribute_id, target.to_json(), labeller_id):
        raise Conflict(
            "key_reused",
            f"The idempotency key {row.key!r} was used for another request.",
            kept="The first request's outcome stands.",
            do="Make a new random key for every certificate.",
        )
