"""People: who was renamed or merged, whose an image is not; which faces are described; labels by value."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attribute_values", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.create_table(
        "person_changes",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("into", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(
            ["attribute_id", "code"], ["attribute_values.attribute_id", "attribute_values.code"]
        ),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("submission_id"),
    )
    op.create_index("ix_person_changes_person", "person_changes", ["attribute_id", "code"])
    op.create_index("ix_person_changes_into", "person_changes", ["attribute_id", "into"])
    op.create_table(
        "not_this_person",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("image_id", "attribute_id", "code"),
    )
    op.create_index(op.f("ix_not_this_person_submission_id"), "not_this_person", ["submission_id"])
    op.create_index("ix_labels_value", "labels", ["attribute_id", "code", "image_id"])
    where = sa.text("number = 0 AND descriptor IS NOT NULL")
    op.create_index("ix_faces_described", "faces", ["image_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_faces_described", "faces")
    op.drop_index("ix_labels_value", "labels")
    op.drop_table("not_this_person")
    op.drop_table("person_changes")
    op.drop_column("attribute_values", "merged_into")
