"""Counts that are kept: the images of each group, and what the worker counted over a large project, and an index on the split.

The triggers belong to `images`: a later migration that writes that table anew must make them again.
"""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TAKE = """
    UPDATE image_groups SET images = images - 1 WHERE key = old.group_key;
    DELETE FROM image_groups WHERE key = old.group_key AND images = 0;
"""
_PUT = """
    INSERT INTO image_groups (key, images) VALUES (new.group_key, 1)
    ON CONFLICT (key) DO UPDATE SET images = images + 1;
"""
TRIGGERS = {
    "image_groups_added": f"AFTER INSERT ON images BEGIN {_PUT} END",
    "image_groups_moved": (
        f"AFTER UPDATE OF group_key ON images WHEN new.group_key IS NOT old.group_key BEGIN {_TAKE} {_PUT} END"
    ),
    "image_groups_removed": f"AFTER DELETE ON images BEGIN {_TAKE} END",
}


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
    )
    for name, what in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {what}")
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
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    op.drop_table("image_groups")
