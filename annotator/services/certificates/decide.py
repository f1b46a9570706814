"""Decide a certificate by the answers to its acceptance sample, and notice when they no longer allow what it filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.basis import basis_json, decide_again
from annotator.domain.certificates.decision import Decision
from annotator.domain.certificates.target import Allowance, Target
from annotator.domain.states import CertificateState
from annotator.errors import Conflict
from annotator.models import Certificate, CertificateCell, CertificateSample, Image, now
from annotator.services.certificates.basis import count_labels
from annotator.services.certificates.sample import read_sample
from annotator.services.certificates.status import (
    CertificateStatus,
    read_certificate,
    unknown_certificate,
)
from annotator.services.common.counted import COUNTED
from annotator.services.schema.active import ActiveSchema, active_schema


def decide_certificate(session: Session, number: int) -> CertificateStatus:
    """Decide a certificate now: cells of its sample that nobody has answered count as errors.

    The worker does it as soon as the whole sample is answered. A repetition changes nothing.

    Args:
        session: a writing session.
        number: the certificate.

    Returns:
        The certificate: in the state `filling`, which the worker completes, or `failed` with the reason.

    Raises:
        NotFound: if there is no such certificate.
        Conflict: if its sample is not drawn yet, or it ended before it was decided.
    """
    row = session.get(Certificate, number)
    if row is None:
        raise unknown_certificate(number)
    if row.state == CertificateState.SAMPLING:
        active = active_schema(session)
        basis = read_decision_basis(session, active, row)
        decision = decide_again(basis, Target.from_json(row.target), row.attempt)
        told = {"sentence": _sentence(active, row, decision), "sample_kept": _count_sample(session, row)}
        row.outcome = decision.to_json() | told | {"basis": basis}
        row.decided_at = now()
        if decision.level is None:
            row.state, row.ended_at = CertificateState.FAILED, row.decided_at
            row.reason = row.outcome["sentence"]
        else:
            row.state = CertificateState.FILLING
            _leave_sample_open(session, row)
    elif row.decided_at is None:
        raise Conflict(
            "no_sample",
            f"Certificate {number} has no sample that could decide it: it is {row.state}.",
            do="Wait until the sample is drawn." if row.ended_at is None else "Create another certificate.",
        )
    return read_certificate(session, number)


def _leave_sample_open(session: Session, row: Certificate) -> None:
    """Forget the cells of the sample: what is promised counts those without an answer as errors that people correct."""
    sample = select(CertificateSample.image_id).where(CertificateSample.certificate_id == row.id)
    session.execute(
        delete(CertificateCell).where(
            CertificateCell.certificate_id == row.id, CertificateCell.image_id.in_(sample)
        ),
        execution_options={"synchronize_session": False},
    )


def is_answered(session: Session, row: Certificate) -> bool:
    """Whether no answer to a certificate's sample is still to come."""
    return read_sample(session, active_schema(session), row).waiting == 0


def reason_to_lapse(session: Session, row: Certificate) -> str | None:
    """Why a certificate that was decided does not hold any more, in a sentence; None if it does."""
    active, outcome = active_schema(session), row.outcome or {}
    if _count_sample(session, row) < outcome.get("sample_kept", 0):
        return "Images of its sample were erased, so that nobody can verify it any more."
    decision, accepted = evaluate(session, active, row), int(outcome["level"])
    if decision.level is not None and decision.level >= accepted:
        return None
    return f"The answers of its sample, the labels or the images have changed. {_sentence(active, row, decision)}"


def evaluate(session: Session, active: ActiveSchema, row: Certificate) -> Decision:
    """What the sample of a certificate allows as it stands now."""
    basis = read_decision_basis(session, active, row)
    return decide_again(basis, Target.from_json(row.target), row.attempt)


def read_decision_basis(session: Session, active: ActiveSchema, row: Certificate) -> dict[str, Any]:
    """What a certificate is decided from now, as JSON: a snapshot holds it, and `verify` decides again."""
    draw = row.plan["draw"]
    images = session.scalar(select(func.count()).select_from(Image).where(COUNTED)) or 0
    labels = count_labels(session, row.attribute_id, draw["codes"])
    return basis_json(
        draw["codes"],
        np.asarray(draw["population"], np.int64),
        read_sample(session, active, row).cells,
        np.minimum(labels, np.asarray(draw["labelled_counts"], np.int64)),
        min(images, int(draw["images"])),
        Allowance(**draw["allowance"]),
    )


def _count_sample(session: Session, row: Certificate) -> int:
    query = select(func.count()).where(CertificateSample.certificate_id == row.id)
    return session.scalar(query) or 0


def _sentence(active: ActiveSchema, row: Certificate, decision: Decision) -> str:
    names = {value.code: value.name for value in active.schema[active.names[row.attribute_id]].values}
    return decision.sentence([names.get(code, str(code)) for code in row.plan["draw"]["codes"]])
