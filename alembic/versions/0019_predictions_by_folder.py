"""Two rounds in the same second from the same labels predict the same bytes: each has its own row even so."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NAMES = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
"""SQLite reports the first migration's constraint without a name; PostgreSQL gave it one."""


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    first = "uq_predictions_content_hash" if is_sqlite else "predictions_content_hash_key"
    with op.batch_alter_table("predictions", naming_convention=_NAMES) as batch_op:
        batch_op.drop_constraint(first, type_="unique")
        batch_op.create_unique_constraint("uq_predictions_path", ["path", "content_hash"])


def downgrade() -> None:
    op.execute(
        "DELETE FROM predictions WHERE id NOT IN (SELECT min(id) FROM predictions GROUP BY content_hash)"
    )
    with op.batch_alter_table("predictions", naming_convention=_NAMES) as batch_op:
        batch_op.drop_constraint("uq_predictions_path", type_="unique")
        batch_op.create_unique_constraint("uq_predictions_content_hash", ["content_hash"])
