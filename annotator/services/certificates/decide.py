"""Decide a certificate by the answers to its acceptance sample."""

from __future__ import annotations

from sqlalchemy.orm import Session

from annotator.services.certificates.status import CertificateStatus


def decide_certificate(session: Session, number: int) -> CertificateStatus:
    """Decide a certificate now: cells of its sample that nobody has answered count as errors.

    The worker does it by itself as soon as the whole sample is answered.

    Args:
        session: a writing session.
        number: the certificate.

    Returns:
        The certificate: in the state `filling`, which the worker completes, or `failed` with the reason.

    Raises:
        NotFound: if there is no such certificate.
        Conflict: if its sample is not drawn yet, or it is decided already.
    """
    raise NotImplementedError
