"""Rounds that start by themselves, and up to which annotation a round has seen."""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("automatic", sa.Boolean(), nullable=False, server_default="0"))
    op.add_column(
        "rounds", sa.Column("newest_annotation", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("rounds", "newest_annotation")
    op.drop_column("rounds", "automatic")
