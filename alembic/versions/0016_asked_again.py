"""Suspicious labels are asked once more: which ones, and their share of everybody's work."""

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("project", sa.Column("relabel_share", sa.Double(), server_default="0.05", nullable=False))
    op.add_column("opinions_wanted", sa.Column("suspected", sa.Boolean(), server_default="0", nullable=False))
    op.create_index(
        "ix_opinions_wanted_suspected",
        "opinions_wanted",
        ["id"],
        sqlite_where=sa.text("suspected"),
        postgresql_where=sa.text("suspected"),
    )
    op.create_table(
        "asked_again",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id", "attribute_id"),
    )


def downgrade() -> None:
    op.drop_table("asked_again")
    op.drop_index("ix_opinions_wanted_suspected", "opinions_wanted")
    op.drop_column("opinions_wanted", "suspected")
    op.drop_column("project", "relabel_share")
