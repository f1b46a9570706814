"""What certificates are and how far they are, for pages, commands and snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from annotator.domain.states import CertificateState


@dataclass(frozen=True)
class CertificateStatus:
    """One certificate.

    Args:
        id: its number.
        attribute: the name of its attribute today.
        state: how far it is.
        attempt: the number of the attempt for this attribute, from 1.
        target: error, recall and confidence, as `Target` of the domain.
        plan: the ladder, the sizes and the forecast; {} until the worker has chosen them.
        outcome: what the sample showed; None until it is decided.
        reason: why it failed, lapsed or was undone, in a sentence.
        predictions: the id of the predictions that it fills from.
        round: the round that made them; None: they were imported.
        schema_hash: the hash of the schema when it was created.
        seed: of the sample's draw; None until it is drawn.
        sample: the number of cells in its acceptance sample.
        answered: how many of these are answered.
        cells: the number of cells that it may fill, or fills.
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
    created_by: str
    created_at: datetime
    drawn_at: datetime | None
    decided_at: datetime | None
    ended_at: datetime | None


def certificates(session: Session) -> list[CertificateStatus]:
    """Read all certificates, newest first."""
    raise NotImplementedError


def read_certificate(session: Session, number: int) -> CertificateStatus:
    """Read one certificate.

    Raises:
        NotFound: if there is none with this number.
    """
    raise NotImplementedError
