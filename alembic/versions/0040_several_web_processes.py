"""What web processes kept in memory and must agree about: restarts of lists and sweeps, faces looked at, failed log-ins."""

import sqlalchemy as sa

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("lists_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("project", sa.Column("sweeps_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("labellers", sa.Column("faces_held", sa.JSON(), server_default="{}", nullable=False))
    op.create_table(
        "failed_logins",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("failed_logins")
    op.drop_column("labellers", "faces_held")
    op.drop_column("project", "sweeps_version")
    op.drop_column("project", "lists_version")
