"""A number that rises with every change of what snapshots say of the images, so that the same is not read and written again.

Triggers count, so that no change can be forgotten. A later migration that makes the table of the images anew has to make
them anew too: SQLite drops them with it.
"""

import sqlalchemy as sa

from alembic import op
from annotator.database.triggers import create_trigger, drop_trigger

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
_CHANGED = [(f"old.{column}", f"new.{column}") for column in _COLUMNS]
_RAISE = "UPDATE project SET images_version = images_version + 1"


def upgrade() -> None:
    op.add_column(
        "project", sa.Column("images_version", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    create_trigger("images_added", "INSERT", "images", [_RAISE], once=True)
    update = f"UPDATE OF {', '.join(_COLUMNS)}"
    create_trigger("images_changed", update, "images", [_RAISE], changed=_CHANGED, once=True)
    create_trigger("images_removed", "DELETE", "images", [_RAISE], once=True)


def downgrade() -> None:
    for name in ("added", "changed", "removed"):
        drop_trigger(f"images_{name}", "images")
    op.drop_column("project", "images_version")
