"""How an answered image came to its labeller: the probability of the draw that took it, 0 if a rule chose it."""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leases", sa.Column("drawn", sa.Double(), nullable=True))
    op.add_column("submissions", sa.Column("drawn", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("submissions", "drawn")
    op.drop_column("leases", "drawn")
