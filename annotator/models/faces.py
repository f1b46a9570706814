"""The tables of faces and of the people whom they show."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Face(Base):
    """One face of an image, in pixels of the upright image turned clockwise by `turn` degrees.

    `points`: five landmarks [[x, y], …]: outer and inner corner of the eye on the left of the image, outer and inner
    corner of the eye on the right, base of the nose. `descriptor`: 128 numbers as little-endian float32 (dlib's face
    recognition network), null until computed. Number 0 is the largest face. `finder`: a Finder.
    """

    __tablename__ = "faces"
    __table_args__ = (
        # Requests ask often whether new faces were described.
        Index(
            "ix_faces_described",
            "image_id",
            sqlite_where=text("number = 0 AND descriptor IS NOT NULL"),
            postgresql_where=text("number = 0 AND descriptor IS NOT NULL"),
        ),
    )

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    turn: Mapped[int]
    left: Mapped[int]
    top: Mapped[int]
    right: Mapped[int]
    bottom: Mapped[int]
    score: Mapped[float]
    points: Mapped[list[list[int]]]
    descriptor: Mapped[bytes | None]
    finder: Mapped[str] = mapped_column(server_default="hog")


class PersonChange(Base):
    """The renaming of a person (`before` → `after`), or a merge into another person (`into`)."""

    __tablename__ = "person_changes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["attribute_id", "code"], ["attribute_values.attribute_id", "attribute_values.code"]
        ),
        Index("ix_person_changes_person", "attribute_id", "code"),
        Index("ix_person_changes_into", "attribute_id", "into"),
    )

    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    code: Mapped[int]
    before: Mapped[str]
    after: Mapped[str]
    into: Mapped[int | None]


class NotThisPerson(Base):
    """An image that was excluded when others were confirmed as this person. It is not proposed as this person again."""

    __tablename__ = "not_this_person"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    code: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"), index=True)
