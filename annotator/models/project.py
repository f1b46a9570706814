"""The project's own tables: settings and counts, statistics that the worker keeps, and where backups go."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


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
    # random; another one makes every process walk its lists (services/tasks/cursor) and search its sweeps
    # (services/annotation/bulk_order) from their start again
    lists_version: Mapped[int] = mapped_column(server_default="0")
    sweeps_version: Mapped[int] = mapped_column(server_default="0")
    overlap_share: Mapped[float] = mapped_column(server_default="0")  # see services/tasks/settings
    overlap_opinions: Mapped[int] = mapped_column(server_default="2")
    overlap_confidence: Mapped[float] = mapped_column(server_default="1")
    gold_share: Mapped[float] = mapped_column(server_default="0.05")
    relabel_share: Mapped[float] = mapped_column(server_default="0.05")
    withhold_share: Mapped[float] = mapped_column(server_default="0.03")
    # random and secret: it decides from whom suggestions are withheld, see services/tasks/withholding
    withhold_key: Mapped[str]
    aggregation: Mapped[str] = mapped_column(server_default="majority")
    qualification_images: Mapped[int] = mapped_column(server_default="0")  # 0: nobody needs to qualify
    qualification_share: Mapped[float] = mapped_column(server_default="0.8")
    networks_after: Mapped[int] = mapped_column(server_default="0")  # see services/rounds/feature_choice
    groups_stale: Mapped[bool] = mapped_column(
        server_default="0"
    )  # a tie between images changed, see services/grouping/rebuild
    created_at: Mapped[datetime]


class StoredStatistics(Base):
    """Statistics that the worker computed over a large project (services/common/cached_stats).

    `state` identifies the data that `value` was computed from.
    """

    __tablename__ = "kept_figures"

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[list[int | bool | str | None]] = mapped_column(JSON)
    value: Mapped[Any] = mapped_column("figures", JSON)
    counted_at: Mapped[datetime]


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
