"""The tables of answers. Submissions and annotations are only added; labels hold what counts now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Submission(Base):
    """One acknowledged request of a labeller, with its idempotency key.

    `withheld`, `suggested`: as in the answered lease; null if it takes no part in the comparison of services/tasks/withholding.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        Index("ix_submissions_labeller", "labeller_id", "id"),
        # Few answers are compared.
        Index(
            "ix_submissions_compared",
            "id",
            sqlite_where=text("withheld IS NOT NULL"),
            postgresql_where=text("withheld IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # a SubmissionKind
    fingerprint: Mapped[str]  # a hash of the request; the same key with another one is refused
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"))
    late: Mapped[bool]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("submissions.id"), unique=True)
    milliseconds: Mapped[int | None]
    drawn: Mapped[float | None]  # `drawn` of the answered lease
    withheld: Mapped[bool | None]
    suggested: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]


class TakeBack(Base):
    """A submission that undid many others, and what it was asked for; arguments that are null chose everything.

    `labeller_id`: whose answers. `import_name`: of which imported file; `import_id`: of which upload. `since` (included) and
    `until` (not included): given when. `naming`: only names given on the page *People*. `effect`: what changed (services/annotation/take_back).

    It is done in batches (services/annotation/take_back_batches): `state` (a TakeBackState) and `cursor`, the last submission
    of the last batch, say how far. `upto`: later submissions are not meant. `covered`: how many do not count now.
    `turns`: rises when the last batch is done.
    """

    __tablename__ = "take_backs"

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
    )
    labeller_id: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    import_id: Mapped[int | None] = mapped_column(ForeignKey("imports.id"))
    import_name: Mapped[str | None]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    naming: Mapped[bool] = mapped_column(server_default="0")
    effect: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="done", index=True)
    cursor: Mapped[int] = mapped_column(server_default="0")
    upto: Mapped[int] = mapped_column(server_default="0")
    covered: Mapped[int] = mapped_column(server_default="0")
    turns: Mapped[int] = mapped_column(server_default="0")


class TakeBackSubmission(Base):
    """A submission that a take-back covers. It counts again when it is `lifted`: the take-back was undone."""

    __tablename__ = "take_back_submissions"
    __table_args__ = (Index("ix_take_back_submissions_take_back", "take_back_id", "submission_id"),)

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
    )
    take_back_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True
    )
    lifted: Mapped[bool] = mapped_column(server_default="0")


class Annotation(Base):
    """One answer to one cell, never changed. `code` null means "can't tell"."""

    __tablename__ = "annotations"
    __table_args__ = (
        Index("ix_annotations_cell", "image_id", "attribute_id", "id"),
        Index("ix_annotations_submission", "submission_id"),
        # Answers from before a clearing do not count as opinions; clearings are rare.
        Index(
            "ix_annotations_cleared",
            "id",
            sqlite_where=text("origin = 'cleared'"),
            postgresql_where=text("origin = 'cleared'"),
        ),
        # Disagreement is rare: browse and review walk the opinions, not all images.
        Index(
            "ix_annotations_opinion",
            "image_id",
            sqlite_where=text("origin = 'opinion'"),
            postgresql_where=text("origin = 'opinion'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    code: Mapped[int | None]
    origin: Mapped[str]  # an Origin
    corrected: Mapped[bool] = mapped_column(
        server_default="0"
    )  # the labeller saw a suggestion of another value


class Label(Base):
    """The answer that counts now in a cell."""

    __tablename__ = "labels"
    # For the images of a person, and their number.
    __table_args__ = (Index("ix_labels_value", "attribute_id", "code", "image_id"),)

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    code: Mapped[int | None]
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))


class Undecided(Base):
    """A cell that the last aggregation could not decide. `sureness`: the share or probability of the leading value."""

    __tablename__ = "undecided"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    sureness: Mapped[float]


class Flag(Base):
    """A note that asks a reviewer to look at an image."""

    __tablename__ = "flags"
    __table_args__ = (Index("ix_flags_image", "image_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    key: Mapped[str] = mapped_column(unique=True)
    note: Mapped[str]
    created_at: Mapped[datetime]
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    resolved_at: Mapped[datetime | None]
