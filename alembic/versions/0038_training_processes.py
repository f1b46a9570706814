"""A round says how many processes train its network together."""

import sqlalchemy as sa

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("processes", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("rounds", "processes")
