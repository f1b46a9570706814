"""The tables. Submissions and annotations are only added; labels hold what counts now.

All tables are in this one file, so that their references are seen in one place and migrations compare with it as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from annotator.domain.states import JobState

MAX_NUMBER = 2**63 - 1
"""The largest integer that the database can hold."""


def now() -> datetime:
    """Return the current time, with its zone."""
    return datetime.now(UTC)


class Time(TypeDecorator[datetime]):
    """A time with its zone, stored as UTC because SQLite stores no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC without zone."""
        del dialect
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert from UTC without zone."""
        del dialect
        return value.replace(tzinfo=UTC) if value else None


class Base(DeclarativeBase):
    """The base of all tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's way
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        list[list[int]]: JSON,
        datetime: Time,
    }


class Project(Base):
    """The settings and counts of the whole project, in one row."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    token: Mapped[str]  # random; browsers store unsent answers under it, so that two projects never mix
    split_seed: Mapped[int]
    share_test: Mapped[float]
    share_val: Mapped[float]
    # False: the share of the test split still follows the number of images, see services/grouping/membership
    test_share_given: Mapped[bool] = mapped_column(server_default="0")
    schema_version: Mapped[int]  # raised with every change of the schema, which is cached by it
    image_count: Mapped[
        int
    ]  # updated with every change, because counting a million rows for each answer is too slow
    done_count: Mapped[int]
    # triggers raise it with every change of images that a snapshot would show, see services/exporting/round_snapshots
    images_version: Mapped[int] = mapped_column(server_default="0")
    faces_version: Mapped[int] = mapped_column(server_default="0")  # the same for faces and faces.csv
    overlap_share: Mapped[float] = mapped_column(server_default="0")  # see services/tasks/settings
    overlap_opinions: Mapped[int] = mapped_column(server_default="2")
    gold_share: Mapped[float] = mapped_column(server_default="0.05")
    relabel_share: Mapped[float] = mapped_column(server_default="0.05")
    aggregation: Mapped[str] = mapped_column(server_default="majority")
    qualification_images: Mapped[int] = mapped_column(server_default="0")  # 0: nobody needs to qualify
    qualification_share: Mapped[float] = mapped_column(server_default="0.8")
    networks_after: Mapped[int] = mapped_column(server_default="0")  # see services/rounds/feature_choice
    groups_stale: Mapped[bool] = mapped_column(
        server_default="0"
    )  # a tie between images changed, see services/grouping/rebuild
    created_at: Mapped[datetime]


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


class StoredStatistics(Base):
    """Statistics that the worker computed over a large project (services/common/cached_stats).

    `state` identifies the data that `value` was computed from.
    """

    __tablename__ = "kept_figures"

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[list[int | bool | str | None]] = mapped_column(JSON)
    value: Mapped[Any] = mapped_column("figures", JSON)
    counted_at: Mapped[datetime]


class ImageAlias(Base):
    """Another name under which the same bytes were imported. Label files may use it."""

    __tablename__ = "image_aliases"

    name: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))


class Labeller(Base):
    """A person or a program that answers."""

    __tablename__ = "labellers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(server_default="labeller")  # a Role
    password_hash: Mapped[str | None]  # null: cannot log in with a password
    active: Mapped[bool] = mapped_column(server_default="1")
    # False: a labeller who must pass the qualification before anything else (services/team/qualification)
    qualified: Mapped[bool] = mapped_column(server_default="1")
    created_at: Mapped[datetime | None]


class ApiToken(Base):
    """A token that a program sends instead of a password. Only its hash is stored."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # written rarely, see services/access/recorder
    revoked_at: Mapped[datetime | None]
    scope: Mapped[str] = mapped_column(server_default="admin")  # a Scope
    expires_at: Mapped[datetime | None]


class LoginSession(Base):
    """A browser that is logged in. Its cookie holds a random token, of which only the hash is stored.

    `id_token`: what an OpenID Connect provider signed at the login; it is sent back to the provider at the logout.
    """

    __tablename__ = "sessions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]  # written rarely, see services/access/recorder
    expires_at: Mapped[datetime]
    id_token: Mapped[str | None]


class Identity(Base):
    """The account of somebody who logs in through an OpenID Connect provider, which knows them as `subject`."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)


class AccessEntry(Base):
    """One entry of the access log. It names accounts, images and files by number or by the project's own names for them.

    `kind`: an AccessKind. `labeller_id`: who; null if nobody is logged in. `address`: the client's, or "command". `event`: what
    happened, a short name for programs. `target`: to what, such as "image 7".
    """

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_kind", "kind", "id"),
        Index("ix_access_log_labeller", "labeller_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    labeller_id: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    address: Mapped[str]
    event: Mapped[str]
    target: Mapped[str]


class Submission(Base):
    """One acknowledged request of a labeller, with its idempotency key."""

    __tablename__ = "submissions"
    __table_args__ = (Index("ix_submissions_labeller", "labeller_id", "id"),)

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


class Lease(Base):
    """An image that somebody works on. Only an answer with this token is in time.

    `drawn`: the probability with which the image was drawn at random, 0 if the query strategy chose it; null if it came in
    another way.
    """

    __tablename__ = "leases"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    token: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    drawn: Mapped[float | None]


class Skip(Base):
    """An image that a labeller skipped. It is not given to them again."""

    __tablename__ = "skips"

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), primary_key=True)
    reason: Mapped[str | None]


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


class OpinionWanted(Base):
    """A done image that wants a further opinion: too few people answered an overlapped one, or it is `suspected` (AskedAgain).

    Ids rise, so new rows come last.
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


class Snapshot(Base):
    """A snapshot in the project's folder `name`. `title`, `note`: what people call it and say about it."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    content_hash: Mapped[str]
    images: Mapped[int]
    labelled: Mapped[int]
    title: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]

    @property
    def path(self) -> str:
        """Its folder, relative to the project's."""
        return f"snapshots/{self.name}"


class Round(Base):
    """One round of training: an entry of the worker's queue, and the record of what happened."""

    __tablename__ = "rounds"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(index=True)  # a JobState
    engine: Mapped[str]
    strategy: Mapped[str]
    stage: Mapped[str]
    done: Mapped[int]
    total: Mapped[int]
    message: Mapped[str]
    error: Mapped[str | None]
    attempts: Mapped[int]
    snapshot: Mapped[str | None]
    labelled: Mapped[int | None]
    automatic: Mapped[bool] = mapped_column(server_default="0")  # the worker started it, not a person
    newest_annotation: Mapped[int] = mapped_column(
        server_default="0"
    )  # the newest annotation that its snapshot can contain
    features: Mapped[
        int | None
    ]  # the round whose fine-tuned network computes them, see services/rounds/feature_choice
    network: Mapped[str | None]  # the added network whose features it also uses, see services/rounds/networks
    features_reason: Mapped[str | None]
    metrics: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    pruned_at: Mapped[
        datetime | None
    ]  # from then on it has no model and no full predictions, see services/rounds/pruning
    pruned_bytes: Mapped[int | None] = mapped_column(
        BigInteger
    )  # what that freed; null until all of it is deleted


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


class Predictions(Base):
    """A loaded predictions folder. `cursor`: the number of places of its order of work that are done.

    `turn` rises with every loading and every return to earlier predictions; the predictions with the highest one are active:
    they give the order of work. Predictions that answer fewer attributes than the active ones are loaded with the turn 0.
    """

    __tablename__ = "predictions"
    __table_args__ = (UniqueConstraint("path", "content_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("rounds.id"))
    path: Mapped[str]
    content_hash: Mapped[str]
    schema_hash: Mapped[str]
    rows: Mapped[int]
    unknown: Mapped[int]
    cursor: Mapped[int]
    turn: Mapped[int] = mapped_column(server_default="0")
    loaded_at: Mapped[datetime]


class SuggestionSource(Base):
    """The predictions that suggest the values of an attribute from a moment on. Rows are only added; the newest one counts.

    Only rows whose predictions were made for the active schema count. `best_id`: the best measured predictions so far, with
    which later ones are compared. `reason`: why these predictions suggest, in a sentence. `chosen`: a person decided it.
    """

    __tablename__ = "suggestion_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"))
    predictions_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    best_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    reason: Mapped[str]
    chosen: Mapped[bool] = mapped_column(server_default="0")
    since: Mapped[datetime]


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


class BackupPlace(Base):
    """A folder or an archive with backups of the project, and when the worker makes the next one there.

    `kind`: folder or archive. `every_seconds`: null: only by command. `keep`: how many backups stay; null: all. `error`: why the
    last try failed. `generations`: the backups that were there after the last one: `name`, `created_at`, oldest first.
    """

    __tablename__ = "backup_places"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    every_seconds: Mapped[int | None]
    keep: Mapped[int | None]
    begun_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    generations: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
