"""The schema for the page that changes it, with retired values and the number of labels of each value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from annotator.domain.roles import Role, may
from annotator.domain.schema import Schema
from annotator.models import Labeller
from annotator.services.rounds.status import attribute_counts
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.file import schema_version


@dataclass(frozen=True)
class SchemaOverview:
    """The active schema.

    Args:
        version: the number that every change raises.
        schema: the schema, without the people of open attributes.
        counts: by attribute, as `rounds.status.attribute_counts` returns them.
        counted_at: when they were counted; None: just now.
        may_change: whether this labeller may change the schema.
    """

    version: int
    schema: Schema
    counts: dict[str, dict[str, Any]]
    counted_at: datetime | None
    may_change: bool


def read_overview(session: Session, labeller_id: int) -> SchemaOverview:
    """Read the schema for one labeller."""
    role = session.get_one(Labeller, labeller_id).role
    counts, counted_at = attribute_counts(session)
    return SchemaOverview(
        schema_version(session), read_schema(session), counts, counted_at, may(role, Role.ADMIN)
    )
