"""Certificates: cells that the model fills once a blind sample has shown that few of them are wrong.

A cell that gets a label is no longer a cell of any certificate: a trigger on `labels` deletes its row. A later migration that
makes that table anew has to make the trigger anew.
"""

import sqlalchemy as sa

from alembic import op
from annotator.database.triggers import create_trigger, drop_trigger

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("predictions_id", sa.Integer(), nullable=False),
        sa.Column("schema_hash", sa.String(), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.Integer(), server_default="0", nullable=False),
        sa.Column("covered_to", sa.Integer(), server_default="0", nullable=False),
        sa.Column("labeller_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ended_by"], ["labellers.id"]),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["labeller_id"], ["labellers.id"]),
        sa.ForeignKeyConstraint(["predictions_id"], ["predictions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    for column in ("attribute_id", "state"):
        op.create_index(f"ix_certificates_{column}", "certificates", [column])
    for table, more in (
        ("certificate_cells", [sa.Column("probability", sa.Double(), nullable=False)]),
        ("certificate_samples", []),
    ):
        op.create_table(
            table,
            sa.Column("certificate_id", sa.Integer(), nullable=False),
            sa.Column("image_id", sa.Integer(), nullable=False),
            sa.Column("level", sa.Integer(), nullable=False),
            sa.Column("code", sa.Integer(), nullable=False),
            *more,
            sa.ForeignKeyConstraint(["certificate_id"], ["certificates.id"]),
            sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
            sa.PrimaryKeyConstraint("certificate_id", "image_id"),
        )
        op.create_index(f"ix_{table}_image", table, ["image_id"])
    create_trigger(
        "labels_end_certificate_cells",
        "INSERT",
        "labels",
        [
            (
                "DELETE FROM certificate_cells WHERE image_id = new.image_id AND certificate_id IN "
                "(SELECT id FROM certificates WHERE attribute_id = new.attribute_id)"
            )
        ],
    )


def downgrade() -> None:
    drop_trigger("labels_end_certificate_cells", "labels")
    for table in ("certificate_samples", "certificate_cells", "certificates"):
        op.drop_table(table)
