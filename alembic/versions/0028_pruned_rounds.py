"""When a round was pruned, and how many bytes that freed."""

import sqlalchemy as sa

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("pruned_at", sa.DateTime(), nullable=True))
    op.add_column("rounds", sa.Column("pruned_bytes", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for column in ("pruned_bytes", "pruned_at"):
        op.drop_column("rounds", column)
