"""A number that rises with every change of what snapshots say of the images, so that the same is not read and written again.

Triggers count, so that no change can be forgotten. A later migration that makes the table of the images anew has to make
them anew too: SQLite drops them with it.
"""

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_COLUMNS = (
    "name",
    "sha256",
    "extension",
    "width",
    "height",
    "split",
    "group_key",
    "source",
    "original_path",
    "crop_box",
)
_OLD, _NEW = (", ".join(f"{row}.{column}" for column in _COLUMNS) for row in ("old", "new"))
_EVENTS = {
    "added": "INSERT ON images",
    "changed": f"UPDATE OF {', '.join(_COLUMNS)} ON images WHEN ({_OLD}) IS NOT ({_NEW})",
    "removed": "DELETE ON images",
}
_RAISE = "UPDATE project SET images_version = images_version + 1"


def upgrade() -> None:
    op.add_column(
        "project", sa.Column("images_version", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    for name, event in _EVENTS.items():
        op.execute(f"CREATE TRIGGER images_{name} AFTER {event} BEGIN {_RAISE}; END")


def downgrade() -> None:
    for name in _EVENTS:
        op.execute(f"DROP TRIGGER images_{name}")
    op.drop_column("project", "images_version")
