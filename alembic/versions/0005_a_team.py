"""Overlap, gold images, aggregation."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "opinions_wanted",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "gold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("image_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "undecided",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("sureness", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.PrimaryKeyConstraint("image_id", "attribute_id"),
    )
    op.add_column("project", sa.Column("overlap_share", sa.Double(), server_default="0", nullable=False))
    op.add_column("project", sa.Column("overlap_opinions", sa.Integer(), server_default="2", nullable=False))
    op.add_column("project", sa.Column("gold_share", sa.Double(), server_default="0.05", nullable=False))
    op.add_column("project", sa.Column("aggregation", sa.String(), server_default="majority", nullable=False))
    op.add_column("annotations", sa.Column("corrected", sa.Boolean(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.drop_column("corrected")
    with op.batch_alter_table("project", schema=None) as batch_op:
        for column in ("aggregation", "gold_share", "overlap_opinions", "overlap_share"):
            batch_op.drop_column(column)
    for table in ("undecided", "gold", "opinions_wanted"):
        op.drop_table(table)
