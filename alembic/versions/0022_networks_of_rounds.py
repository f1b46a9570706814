"""Which added network's features a round works on beside the frozen ones."""

import sqlalchemy as sa

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("network", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("rounds", "network")
