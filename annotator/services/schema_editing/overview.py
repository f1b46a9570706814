"""The whole schema for the page that changes it: retired values too, and how many labels each value has."""

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
        version: a number that every change raises.
        schema: the schema, without the people of open attributes.
        counts: per attribute as `statistics.attribute_counts` tells them.
        counted_at: when they were counted, None if just now.
        may_change: whether the one who asks may change it.
    """

    version: int
    schema: Schema
    counts: dict[str, dict[str, Any]]
    counted_at: datetime | None
    may_change: bool


def read_overview(session: Session, labeller_id: int) -> SchemaOverview:
    """The schema as one labeller may see it."""
    role = session.get_one(Labeller, labeller_id).role
    counts, counted_at = attribute_counts(session)
    return SchemaOverview(
        schema_version(session), read_schema(session), counts, counted_at, may(role, Role.ADMIN)
    )
