"""Predictions take turns: an earlier round's can be put in use again."""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("predictions", sa.Column("turn", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE predictions SET turn = id")


def downgrade() -> None:
    op.drop_column("predictions", "turn")
