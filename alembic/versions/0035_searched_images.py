"""Which images the search for a rare value gave out, how they were chosen, and what the answer was."""

import sqlalchemy as sa

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "searched_images",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("drawn", sa.Double(), nullable=False),
        sa.Column("predictions_id", sa.Integer(), nullable=True),
        sa.Column("member", sa.Boolean(), nullable=True),
        sa.Column("submission_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["predictions_id"], ["predictions.id"]),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("image_id", "attribute_id", "code"),
    )
    op.create_index("ix_searched_images_value", "searched_images", ["attribute_id", "code"])
    op.create_index("ix_searched_images_submission", "searched_images", ["submission_id"])


def downgrade() -> None:
    op.drop_table("searched_images")
