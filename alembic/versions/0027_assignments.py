"""Images that are assigned to people, and labellers who qualify on gold images."""

import sqlalchemy as sa

from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

_OPEN = sa.text("open_cells > 0 AND exclusion_id IS NULL")
_ASSIGNED = sa.text("pool_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column("view", sa.JSON(), nullable=True),
        sa.Column("covers_new", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_assignments_state", "assignments", ["state"])
    op.create_table(
        "assignment_pools",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("first", sa.Double(), nullable=False),
        sa.Column("end", sa.Double(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_assignment_pools_assignment_id", "assignment_pools", ["assignment_id"])
    op.create_table(
        "assignment_people",
        sa.Column("pool_id", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["pool_id"], ["assignment_pools.id"]),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.PrimaryKeyConstraint("pool_id", "labeller_id"),
    )
    op.add_column("images", sa.Column("pool_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_images_open_of_pool",
        "images",
        ["pool_id", "shuffle", "id"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_images_pool", "images", ["pool_id"], sqlite_where=_ASSIGNED, postgresql_where=_ASSIGNED
    )
    _add_qualifications()


def _add_qualifications() -> None:
    op.create_table(
        "qualifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_qualifications_labeller_id", "qualifications", ["labeller_id"])
    op.create_table(
        "qualification_images",
        sa.Column("qualification_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=True),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["qualification_id"], ["qualifications.id"]),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.PrimaryKeyConstraint("qualification_id", "image_id"),
    )
    op.create_index("ix_qualification_images_image", "qualification_images", ["image_id"])
    op.add_column("labellers", sa.Column("qualified", sa.Boolean(), server_default="1", nullable=False))
    op.add_column(
        "project", sa.Column("qualification_images", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "project", sa.Column("qualification_share", sa.Double(), server_default="0.8", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("project", "qualification_share")
    op.drop_column("project", "qualification_images")
    op.drop_column("labellers", "qualified")
    op.drop_index("ix_qualification_images_image", "qualification_images")
    op.drop_table("qualification_images")
    op.drop_index("ix_qualifications_labeller_id", "qualifications")
    op.drop_table("qualifications")
    op.drop_index("ix_images_pool", "images")
    op.drop_index("ix_images_open_of_pool", "images")
    op.drop_column("images", "pool_id")
    op.drop_table("assignment_people")
    op.drop_index("ix_assignment_pools_assignment_id", "assignment_pools")
    op.drop_table("assignment_pools")
    op.drop_index("ix_assignments_state", "assignments")
    op.drop_table("assignments")
