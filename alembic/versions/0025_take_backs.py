"""Take-backs of many answers, cleared cells, titles and notes of snapshots."""

import sqlalchemy as sa

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "take_backs",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=True),
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("import_name", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("naming", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("effect", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"]),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_table(
        "take_back_submissions",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("take_back_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["take_back_id"], ["submissions.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("submission_id", "take_back_id"),
    )
    op.create_index("ix_take_back_submissions_take_back_id", "take_back_submissions", ["take_back_id"])
    op.create_index(
        "ix_annotations_cleared",
        "annotations",
        ["id"],
        sqlite_where=sa.text("origin = 'cleared'"),
        postgresql_where=sa.text("origin = 'cleared'"),
    )
    for column in ("title", "note"):
        op.add_column("snapshots", sa.Column(column, sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    for column in ("note", "title"):
        op.drop_column("snapshots", column)
    op.drop_index("ix_annotations_cleared", "annotations")
    op.drop_index("ix_take_back_submissions_take_back_id", "take_back_submissions")
    op.drop_table("take_back_submissions")
    op.drop_table("take_backs")
