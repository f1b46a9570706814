"""The tables of groups: decisions about ties, and how many images each group has."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class GroupDecision(Base):
    """A person's decision about the tie of two images; `kind` is a TieKind. Rows are only added; `undone_at` undoes one."""

    __tablename__ = "group_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    first_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    created_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class ImageGroup(Base):
    """The number of images of each group, without excluded ones. Triggers on `images` update it (migrations 0014 and 0023)."""

    __tablename__ = "image_groups"
    key: Mapped[str] = mapped_column(primary_key=True)
    images: Mapped[int]


# The list of groups walks this index, largest first.
Index(
    "ix_image_groups_several",
    ImageGroup.images.desc(),
    ImageGroup.key,
    sqlite_where=text("images > 1"),
    postgresql_where=text("images > 1"),
)
