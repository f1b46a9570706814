"""The tables of a team: assignments, gold images, and qualification."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Assignment(Base):
    """Images that only some people get from the queue. Rows are only added; `state` (an AssignmentState) ends one.

    `view`: the filters of *Browse* that chose the images; null: all open ones. `covers_new`: images that come later are shared
    out in the same way.
    """

    __tablename__ = "assignments"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    view: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    covers_new: Mapped[bool]
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]


class AssignmentPool(Base):
    """Images of an assignment that the same people get. `images`: how many it had at the start.

    `first`, `end`: the stretch of groups (domain/grouping/shares) that later images must fall into.
    """

    __tablename__ = "assignment_pools"

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), index=True)
    share: Mapped[float | None]
    first: Mapped[float]
    end: Mapped[float]
    images: Mapped[int]


class AssignmentPerson(Base):
    """Somebody who gets the images of a pool."""

    __tablename__ = "assignment_people"

    pool_id: Mapped[int] = mapped_column(ForeignKey("assignment_pools.id"), primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), primary_key=True)


class Gold(Base):
    """An image with known answers. `answers`: [attribute id, code] each; code null means "can't tell"."""

    __tablename__ = "gold"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), unique=True)
    answers: Mapped[list[list[int | None]]] = mapped_column(JSON)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    created_at: Mapped[datetime]


class Qualification(Base):
    """One attempt of a labeller to qualify. `passed`: null while it runs."""

    __tablename__ = "qualifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)
    passed: Mapped[bool | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class QualificationImage(Base):
    """A gold image of an attempt, with the answers and how many of them were right; none of them is in the log.

    `answers`: [attribute id, code] each; null until it is answered.
    """

    __tablename__ = "qualification_images"
    __table_args__ = (Index("ix_qualification_images_image", "image_id"),)

    qualification_id: Mapped[int] = mapped_column(ForeignKey("qualifications.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    position: Mapped[int]
    answers: Mapped[list[list[int | None]] | None] = mapped_column(JSON(none_as_null=True))
    right: Mapped[int]
    cells: Mapped[int]
    answered_at: Mapped[datetime | None]
