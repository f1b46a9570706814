"""An index of the extra opinions."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_annotations_opinion",
            ["image_id"],
            unique=False,
            sqlite_where=sa.text("origin = 'opinion'"),
            postgresql_where=sa.text("origin = 'opinion'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.drop_index("ix_annotations_opinion")
