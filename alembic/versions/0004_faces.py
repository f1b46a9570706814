"""Faces found in images, and the photos that images were cut from."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "faces",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("top", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("bottom", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("descriptor", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.PrimaryKeyConstraint("image_id", "number"),
    )
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("face_count", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("photo_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("crop_box", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("turn", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_images_unseen",
            ["id"],
            unique=False,
            sqlite_where=sa.text("face_count IS NULL"),
            postgresql_where=sa.text("face_count IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("ix_images_unseen")
        for column in ("turn", "crop_box", "photo_sha256", "face_count"):
            batch_op.drop_column(column)
    op.drop_table("faces")
