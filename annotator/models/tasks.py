"""The tables of the queue: who holds or skipped an image, and which images want a further answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Lease(Base):
    """An image that somebody works on. Only an answer with this token is in time.

    `drawn`: the probability with which the image was drawn at random, 0 if the query strategy chose it; null if it came in
    another way. `withheld`: whether this labeller does not see the suggestions, to measure how far people follow them; false:
    they see them, and the answer is compared; null: it is not compared (services/tasks/withholding). `suggested`: then what the
    model suggests, [attribute id, code] each.
    """

    __tablename__ = "leases"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    token: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    drawn: Mapped[float | None]
    withheld: Mapped[bool | None]
    suggested: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))


class Skip(Base):
    """An image that a labeller skipped. It is not given to them again."""

    __tablename__ = "skips"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), primary_key=True)
    reason: Mapped[str | None]


class OpinionWanted(Base):
    """A done image that wants a further opinion: too few people answered an overlapped one, or it is `suspected` (AskedAgain).

    Ids rise, so new rows come last. `attribute_id`: the attribute whose answers are least sure; null if nobody is measured.
    """

    __tablename__ = "opinions_wanted"
    __table_args__ = (
        Index(
            "ix_opinions_wanted_suspected",
            "id",
            sqlite_where=text("suspected"),
            postgresql_where=text("suspected"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), unique=True)
    suspected: Mapped[bool] = mapped_column(server_default="0")
    # No foreign key, because SQLite would write the whole table anew for it.
    attribute_id: Mapped[int | None]


class AskedAgain(Base):
    """A suspicious label whose image is asked again, most suspicious first. Rows are only added.

    `code`: the label at that time. `submission_id`: the newest submission at that time; later ones answer the suspicion.
    """

    __tablename__ = "asked_again"
    __table_args__ = (UniqueConstraint("image_id", "attribute_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    code: Mapped[int]
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))


class SearchedImage(Base):
    """An image that the search for one value of one attribute gave out.

    `score`: the log odds of the value at that time. `drawn`: the probability with which it was drawn at random; 0 if it was
    among the most probable ones. `predictions_id`: the predictions that the score is from; null: likeness to the examples.
    `member`: whether the answer was this value; null without an answer. `submission_id`: the answer; where it was undone, the
    image is not answered.
    """

    __tablename__ = "searched_images"
    __table_args__ = (
        Index("ix_searched_images_value", "attribute_id", "code"),
        Index("ix_searched_images_submission", "submission_id"),
    )

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), primary_key=True)
    code: Mapped[int] = mapped_column(primary_key=True)
    score: Mapped[float]
    drawn: Mapped[float]
    predictions_id: Mapped[int | None] = mapped_column(ForeignKey("predictions.id"))
    member: Mapped[bool | None]
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submissions.id"))
