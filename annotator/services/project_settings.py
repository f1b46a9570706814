"""The project's settings as one transaction sees them: read once, however many services ask for them."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import AssignmentState, CertificateState
from annotator.models import AskedAgain, Assignment, Certificate, Lease, Project

_KEPT = "project_settings"


class ProjectSettings(NamedTuple):
    """Settings of the whole project, and what the queue asks for with each image.

    Args:
        token: the project's token.
        schema_version: changes with the schema.
        overlap_share: as in `TeamSettings` (services/tasks/settings), like the following ones.
        withhold_key: the secret that decides from whom suggestions are withheld.
        image_count: the images that count, when the transaction first read the settings.
        done_count: those of them that lack no answer.
        lists_version: as in `Project`, like the next one.
        is_sampling: whether an acceptance sample is being answered. Like the next one, it is what was true when the
            transaction first asked.
        is_assigned: whether images are assigned to some labellers.
        has_asked_again: whether any image was ever asked again.
        last_lease: when the last of all leases ends; None without leases.
    """

    token: str
    schema_version: int
    overlap_share: float
    overlap_opinions: int
    overlap_confidence: float
    gold_share: float
    relabel_share: float
    aggregation: str
    withhold_share: float
    withhold_key: str
    image_count: int
    done_count: int
    lists_version: int
    sweeps_version: int
    is_sampling: bool
    is_assigned: bool
    has_asked_again: bool
    last_lease: datetime | None


_READ = select(
    *(getattr(Project, name) for name in ProjectSettings._fields[:-4]),
    exists().where(Certificate.state == CertificateState.SAMPLING),
    exists().where(Assignment.state != AssignmentState.RELEASED),
    exists().where(AskedAgain.id.is_not(None)),
    select(func.max(Lease.expires_at)).scalar_subquery(),
)


def project_settings(session: Session) -> ProjectSettings:
    """Read the settings; a further call in the same transaction costs no query."""
    kept: ProjectSettings | None = session.info.get(_KEPT)
    if kept is None:
        kept = session.info[_KEPT] = ProjectSettings._make(session.connection().execute(_READ).one())
    return kept


def change_project_settings(session: Session, **values: Any) -> None:
    """Change columns of the project's row; values are numbers, texts or SQL expressions."""
    session.execute(update(Project).values(**values))
    session.info.pop(_KEPT, None)


def new_version() -> int:
    """Return a random version of what processes remember. A number that is never used again stays right after a rollback."""
    return secrets.randbits(62)
