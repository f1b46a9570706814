"""Create a certificate. The worker then chooses the cells, draws the sample and, when it is answered, decides."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from annotator.project import ProjectFolder
from annotator.services.certificates.status import CertificateStatus

Target = Any  # annotator.domain.certificates.target.Target


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
    raise NotImplementedError
