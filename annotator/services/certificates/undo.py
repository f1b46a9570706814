"""Undo a certificate: its cells are open again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from annotator.services.certificates.status import CertificateStatus


def undo_certificate(session: Session, number: int, labeller_id: int) -> CertificateStatus:
    """End a certificate in any state but the final ones. From then on none of its cells is filled; answers of people stay.

    The queue gives the cells out again within seconds: the worker, or `finish_certificates`, counts them as open batch by
    batch.

    Args:
        session: a writing session.
        number: the certificate.
        labeller_id: who ends it.

    Raises:
        NotFound: if there is no such certificate.
        Conflict: if it has failed or lapsed. To undo it twice changes nothing.
    """
    raise NotImplementedError
