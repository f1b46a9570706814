"""Images that are excluded: a log of exclusions, and what follows from it for each image.

The triggers of 0014 and 0018 are made again: a group counts only the images that count, and a snapshot leaves excluded images
out. A later migration that writes the table of the images anew must make them again.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op
from annotator.database.triggers import create_trigger, drop_trigger

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_COLUMNS = (
    "name",
    "sha256",
    "extension",
    "width",
    "height",
    "split",
    "group_key",
    "source",
    "original_path",
    "crop_box",
)

_RAISE = "UPDATE project SET images_version = images_version + 1"
_TAKE = "UPDATE image_groups SET images = images - 1 WHERE key = old.group_key"
_DROP_EMPTY = "DELETE FROM image_groups WHERE key = old.group_key AND images = 0"
_PUT = "INSERT INTO image_groups (key, images) SELECT new.group_key, 1 WHERE true"
_ONE_MORE = "ON CONFLICT (key) DO UPDATE SET images = image_groups.images + 1"


def upgrade() -> None:
    op.create_table(
        "exclusions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_exclusions_image", "exclusions", ["image_id", "id"])
    op.create_index("ix_exclusions_submission", "exclusions", ["submission_id"])
    op.add_column("images", sa.Column("exclusion_id", sa.Integer(), nullable=True))
    _index_some("ix_images_excluded", ["id"], "exclusion_id IS NOT NULL")
    _index_open_images("open_cells > 0 AND exclusion_id IS NULL")
    _make_triggers(counted=True)


def downgrade() -> None:
    _make_triggers(counted=False)
    _index_open_images("open_cells > 0")
    op.drop_index("ix_images_excluded", "images")
    op.drop_column("images", "exclusion_id")
    op.drop_table("exclusions")


def _index_open_images(where: str) -> None:
    op.drop_index("ix_images_open", "images")
    _index_some("ix_images_open", ["shuffle", "id"], where)


def _index_some(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "images", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _make_triggers(*, counted: bool) -> None:
    columns = (*_COLUMNS, "exclusion_id") if counted else _COLUMNS
    take, put = _take_and_put(counted=counted)
    moved = ["group_key", "exclusion_id IS NULL"] if counted else ["group_key"]
    of_group = "UPDATE OF group_key, exclusion_id" if counted else "UPDATE OF group_key"
    for name in ("image_groups_added", "image_groups_moved", "image_groups_removed", "images_changed"):
        drop_trigger(name, "images")
    create_trigger("image_groups_added", "INSERT", "images", put)
    create_trigger("image_groups_moved", of_group, "images", [*take, *put], changed=_both(moved))
    create_trigger("image_groups_removed", "DELETE", "images", take)
    of_image = f"UPDATE OF {', '.join(columns)}"
    create_trigger("images_changed", of_image, "images", [_RAISE], changed=_both(columns), once=True)


def _both(expressions: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"old.{expression}", f"new.{expression}") for expression in expressions]


def _take_and_put(*, counted: bool) -> tuple[list[str], list[str]]:
    """The statements that take an image out of its old group and put it into its new one, if it counts."""
    was, is_now = (f"AND {row}.exclusion_id IS NULL" if counted else "" for row in ("old", "new"))
    return [f"{_TAKE} {was}", _DROP_EMPTY], [f"{_PUT} {is_now} {_ONE_MORE}"]
