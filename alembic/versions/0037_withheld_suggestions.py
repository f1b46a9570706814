"""Suggestions are withheld from a small random share of people and images, to measure how far people follow them."""

import secrets

import sqlalchemy as sa

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("withhold_share", sa.Double(), server_default="0.03", nullable=False))
    op.add_column("project", sa.Column("withhold_key", sa.String(), server_default="", nullable=False))
    project = sa.table("project", sa.column("withhold_key", sa.String()))
    op.execute(project.update().values(withhold_key=secrets.token_hex(16)))
    for table in ("leases", "submissions"):
        op.add_column(table, sa.Column("withheld", sa.Boolean(), nullable=True))
        op.add_column(table, sa.Column("suggested", sa.JSON(), nullable=True))
    op.create_index(
        "ix_submissions_compared",
        "submissions",
        ["id"],
        sqlite_where=sa.text("withheld IS NOT NULL"),
        postgresql_where=sa.text("withheld IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_submissions_compared", "submissions")
    for table in ("submissions", "leases"):
        op.drop_column(table, "suggested")
        op.drop_column(table, "withheld")
    op.drop_column("project", "withhold_key")
    op.drop_column("project", "withhold_share")
