"""Images that are excluded: a log of exclusions, and what follows from it for each image.

The triggers of 0014 and 0018 are made again: a group counts only the images that count, and a snapshot leaves excluded images
out. A later migration that writes the table of the images anew must make them again.
"""

import sqlalchemy as sa

from alembic import op

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
_ONE_MORE = "ON CONFLICT (key) DO UPDATE SET images = images + 1"


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
    op.create_index("ix_images_excluded", "images", ["id"], sqlite_where=sa.text("exclusion_id IS NOT NULL"))
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
    op.create_index("ix_images_open", "images", ["shuffle", "id"], sqlite_where=sa.text(where))


def _make_triggers(*, counted: bool) -> None:
    columns = (*_COLUMNS, "exclusion_id") if counted else _COLUMNS
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    take, put = _take_and_put(counted=counted)
    moved = "group_key, exclusion_id" if counted else "group_key"
    before, after = (
        f"({row}.group_key, {row}.exclusion_id IS NULL)" if counted else f"({row}.group_key)"
        for row in ("old", "new")
    )
    triggers = {
        "image_groups_added": f"AFTER INSERT ON images BEGIN {put} END",
        "image_groups_moved": (
            f"AFTER UPDATE OF {moved} ON images WHEN {after} IS NOT {before} BEGIN {take} {put} END"
        ),
        "image_groups_removed": f"AFTER DELETE ON images BEGIN {take} END",
        "images_changed": (
            f"AFTER UPDATE OF {', '.join(columns)} ON images WHEN ({old}) IS NOT ({new}) BEGIN {_RAISE}; END"
        ),
    }
    for name, what in triggers.items():
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"CREATE TRIGGER {name} {what}")


def _take_and_put(*, counted: bool) -> tuple[str, str]:
    """The statements that take an image out of its old group and put it into its new one, if it counts."""
    was, is_now = (f"AND {row}.exclusion_id IS NULL" if counted else "" for row in ("old", "new"))
    return f"{_TAKE} {was}; {_DROP_EMPTY};", f"{_PUT} {is_now} {_ONE_MORE};"
