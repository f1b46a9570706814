"""Near-duplicates, and what people decided about groups."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "group_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["first_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["second_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_group_decisions_first_id", "group_decisions", ["first_id"])
    op.create_index("ix_group_decisions_second_id", "group_decisions", ["second_id"])
    op.add_column("project", sa.Column("groups_stale", sa.Boolean(), server_default="0", nullable=False))
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("perceptual_hash", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("twin_of", sa.Integer(), nullable=True))
        batch_op.create_foreign_key("fk_images_twin_of", "images", ["twin_of"], ["id"])
        batch_op.create_index(
            "ix_images_unhashed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("perceptual_hash IS NULL"),
            postgresql_where=sa.text("perceptual_hash IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("ix_images_unhashed")
        batch_op.drop_constraint("fk_images_twin_of", type_="foreignkey")
        batch_op.drop_column("twin_of")
        batch_op.drop_column("perceptual_hash")
    op.drop_column("project", "groups_stale")
    op.drop_table("group_decisions")
