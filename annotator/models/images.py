"""The tables of images: how they came in, under which names, and how they are excluded or erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from annotator.domain.states import JobState
from annotator.models.base import Base


class Image(Base):
    """One image. `open_cells` counts the required attributes without an answer; 0 means done."""

    __tablename__ = "images"
    __table_args__ = (
        # The worker walks this index: images that were not searched for faces yet.
        Index(
            "ix_images_unseen",
            "id",
            sqlite_where=text("face_count IS NULL"),
            postgresql_where=text("face_count IS NULL"),
        ),
        Index(
            "ix_images_unhashed",
            "id",
            sqlite_where=text("perceptual_hash IS NULL"),
            postgresql_where=text("perceptual_hash IS NULL"),
        ),
        # Few images are excluded: queries that do not read this table leave them out by this index.
        Index(
            "ix_images_excluded",
            "id",
            sqlite_where=text("exclusion_id IS NOT NULL"),
            postgresql_where=text("exclusion_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    extension: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    source: Mapped[str]
    original_path: Mapped[str]
    group: Mapped[str] = mapped_column("group_key", index=True)
    given_group: Mapped[str | None]  # the group from its source (a video, a photo, a person)
    perceptual_hash: Mapped[int | None] = mapped_column(
        BigInteger
    )  # of the image as shown; null: not computed yet
    twin_of: Mapped[int | None] = mapped_column(
        ForeignKey("images.id")
    )  # the first image of which it is a near-duplicate
    split: Mapped[str] = mapped_column(index=True)
    shuffle: Mapped[int]
    open_cells: Mapped[int]
    # the row of `exclusions` that excludes it; null: it counts (services/common/counted). No foreign key, because the two
    # tables would refer to each other.
    exclusion_id: Mapped[int | None]
    # the row of `assignment_pools` whose people it is assigned to; null: everybody gets it. No foreign key, because SQLite
    # would write the whole table anew for it.
    pool_id: Mapped[int | None]
    face_count: Mapped[int | None]  # null: not searched yet
    photo_sha256: Mapped[str | None]  # of the photo that it was cut from, which is stored unchanged
    crop_box: Mapped[str | None]  # "left top right bottom" in pixels of that photo, upright
    turn: Mapped[int] = mapped_column(server_default="0")  # degrees clockwise by which the crop was turned
    created_at: Mapped[datetime]


# The queue without predictions walks this index: open images in a random but fixed order.
OPEN_IMAGES = Index(
    "ix_images_open",
    Image.shuffle,
    Image.id,
    sqlite_where=text("open_cells > 0 AND exclusion_id IS NULL"),
    postgresql_where=text("open_cells > 0 AND exclusion_id IS NULL"),
)


# The queue of somebody with assigned images walks this index, pool by pool.
OPEN_IMAGES_OF_POOL = Index(
    "ix_images_open_of_pool",
    Image.pool_id,
    Image.shuffle,
    Image.id,
    sqlite_where=text("open_cells > 0 AND exclusion_id IS NULL"),
    postgresql_where=text("open_cells > 0 AND exclusion_id IS NULL"),
)


# All images of a pool, done ones included, for its progress and its release.
Index(
    "ix_images_pool",
    Image.pool_id,
    sqlite_where=text("pool_id IS NOT NULL"),
    postgresql_where=text("pool_id IS NOT NULL"),
)


class ImageAlias(Base):
    """Another name under which the same bytes were imported. Label files may use it."""

    __tablename__ = "image_aliases"

    name: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))


class Exclusion(Base):
    """What a submission made of an image: excluded for a reason (an ExclusionReason), or counting again (`reason` null).

    Rows are only added, and the newest one of an image holds; `images.exclusion_id` follows from it.
    """

    __tablename__ = "exclusions"
    __table_args__ = (
        Index("ix_exclusions_image", "image_id", "id"),
        Index("ix_exclusions_submission", "submission_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    reason: Mapped[str | None]
    note: Mapped[str]


class Import(Base):
    """An uploaded file: an entry of the worker's queue, and the record of what happened.

    `state`: a JobState. `dry_run`: whether the last run is or was a trial. `options`: the options of the import
    (services/importing/jobs). `proposed`: a mapping for what the trial could not place.
    """

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    name: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(index=True)
    dry_run: Mapped[bool]
    options: Mapped[dict[str, Any]]
    done: Mapped[int]
    total: Mapped[int]
    attempts: Mapped[int]
    error: Mapped[str | None]
    report: Mapped[dict[str, Any] | None]
    proposed: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def has_file(self) -> bool:
        """Whether the file is still needed. It is removed when it was imported or discarded."""
        return self.state != JobState.DISCARDED and not (self.state == JobState.DONE and not self.dry_run)


class WatchedAddress(Base):
    """An address of object storage that a worker lists every so often, to import what is new there.

    `begun_at`: when the last listing began. `finished_at`: when the last one that came to its end did. `error`: why the last one
    failed. `report`: what the last whole one came to (services/importing/bucket/addresses).
    """

    __tablename__ = "watched_addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(unique=True)
    every_seconds: Mapped[int]
    begun_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    report: Mapped[dict[str, Any] | None]


class Erasure(Base):
    """Something that was erased for good: the journal of the work, and its receipt.

    The rows of the database are deleted with the transaction that adds this row. `scope` says which files must follow, with
    names; it is null once they are gone. `receipt` has no name of an image or a person. `state`: an ErasureState.
    `newest_image`: the highest number of an image at that time; no later image gets it or a lower one.
    """

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    erased_by: Mapped[str]  # the name of the account at that time, which may be deleted later
    scope: Mapped[dict[str, Any] | None]
    receipt: Mapped[dict[str, Any]]
    newest_image: Mapped[int]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Tombstone(Base):
    """What remains of an erased image or photo: its SHA-256, so that no import brings it back unasked."""

    __tablename__ = "tombstones"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    erasure_id: Mapped[int] = mapped_column(ForeignKey("erasures.id"))
