"""The tables of the schema: attributes and their values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class AttributeRow(Base):
    """One question of the active schema."""

    __tablename__ = "attributes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    key: Mapped[str]
    kind: Mapped[str]
    required: Mapped[bool]
    groups: Mapped[bool]
    spellings: Mapped[list[str]]
    guideline: Mapped[str] = mapped_column(server_default="")
    examples: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    position: Mapped[int]


class ValueRow(Base):
    """One value of an attribute; of an open attribute, one person."""

    __tablename__ = "attribute_values"
    __table_args__ = (UniqueConstraint("attribute_id", "name"),)

    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    code: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    status: Mapped[str]
    ends: Mapped[bool]
    merged_into: Mapped[int | None]  # the code of the person that this one was merged into
    # the codes that replaced a value which the schema merged or split
    replaced_by: Mapped[list[int]] = mapped_column(JSON, server_default="[]")
