"""Take-backs of many answers are done in batches, and their rows say how far they are."""

import sqlalchemy as sa

from alembic import op

revision = "0032"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("take_backs", sa.Column("state", sa.String(), server_default="done", nullable=False))
    for name in ("cursor", "upto", "covered", "turns"):
        op.add_column("take_backs", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_take_backs_state", "take_backs", ["state"])
    op.add_column(
        "take_back_submissions", sa.Column("lifted", sa.Boolean(), server_default="0", nullable=False)
    )
    op.drop_index("ix_take_back_submissions_take_back_id", "take_back_submissions")
    op.create_index(
        "ix_take_back_submissions_take_back", "take_back_submissions", ["take_back_id", "submission_id"]
    )
    op.execute(
        "UPDATE take_back_submissions SET lifted = true"
        " WHERE take_back_id IN (SELECT undoes FROM submissions WHERE undoes IS NOT NULL)"
    )
    op.execute(
        "UPDATE take_backs SET state = 'undone'"
        " WHERE submission_id IN (SELECT undoes FROM submissions WHERE undoes IS NOT NULL)"
    )
    op.execute(
        "UPDATE take_backs SET covered = (SELECT count(*) FROM take_back_submissions"
        " WHERE take_back_id = take_backs.submission_id AND NOT lifted)"
    )


def downgrade() -> None:
    op.drop_index("ix_take_back_submissions_take_back", "take_back_submissions")
    op.create_index("ix_take_back_submissions_take_back_id", "take_back_submissions", ["take_back_id"])
    op.drop_column("take_back_submissions", "lifted")
    op.drop_index("ix_take_backs_state", "take_backs")
    for name in ("turns", "covered", "upto", "cursor", "state"):
        op.drop_column("take_backs", name)
