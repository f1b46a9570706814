"""Overlapped images are asked until the answers are sure, and those good at the uncertain attribute get them first."""

import sqlalchemy as sa

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("overlap_confidence", sa.Double(), server_default="1", nullable=False))
    op.add_column("opinions_wanted", sa.Column("attribute_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("opinions_wanted", "attribute_id")
    op.drop_column("project", "overlap_confidence")
