"""Counts that are kept: the images of each group, and what the worker counted over a large project, and an index on the split.

The triggers belong to `images`: a later migration that writes that table anew must make them again.
"""

import sqlalchemy as sa

from alembic import op
from annotator.database.triggers import create_trigger, drop_trigger

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TAKE = (
    "UPDATE image_groups SET images = images - 1 WHERE key = old.group_key",
    "DELETE FROM image_groups WHERE key = old.group_key AND images = 0",
)
_PUT = (
    (
        "INSERT INTO image_groups (key, images) VALUES (new.group_key, 1) "
        "ON CONFLICT (key) DO UPDATE SET images = image_groups.images + 1"
    ),
)


def upgrade() -> None:
    op.create_index("ix_images_split", "images", ["split"])
    op.create_table(
        "image_groups",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.execute("INSERT INTO image_groups SELECT group_key, count(*) FROM images GROUP BY group_key")
    op.create_index(
        "ix_image_groups_several",
        "image_groups",
        [sa.text("images DESC"), "key"],
        sqlite_where=sa.text("images > 1"),
        postgresql_where=sa.text("images > 1"),
    )
    create_trigger("image_groups_added", "INSERT", "images", _PUT)
    create_trigger(
        "image_groups_moved",
        "UPDATE OF group_key",
        "images",
        [*_TAKE, *_PUT],
        changed=[("old.group_key", "new.group_key")],
    )
    create_trigger("image_groups_removed", "DELETE", "images", _TAKE)
    op.create_table(
        "kept_figures",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("counted_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_index("ix_images_split", "images")
    op.drop_table("kept_figures")
    for name in ("added", "moved", "removed"):
        drop_trigger(f"image_groups_{name}", "images")
    op.drop_table("image_groups")
