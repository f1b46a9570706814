"""Which network's features a round works on and why, and up to which round somebody wants none."""

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("features", sa.Integer(), nullable=True))
    op.add_column("rounds", sa.Column("features_reason", sa.String(), nullable=True))
    op.add_column(
        "project", sa.Column("networks_after", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    op.drop_column("project", "networks_after")
    op.drop_column("rounds", "features_reason")
    op.drop_column("rounds", "features")
