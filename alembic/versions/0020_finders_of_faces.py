"""What found each face, and a number that rises with every change of what snapshots say of the faces.

As in 0018, a later migration that makes the table of the faces anew has to make the triggers anew.
"""

import sqlalchemy as sa

from alembic import op
from annotator.database.triggers import create_trigger, drop_trigger

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COLUMNS = ("image_id", "number", "turn", "left", "top", "right", "bottom", "score", "points", "finder")
_NAMES = ", ".join(f'"{column}"' for column in _COLUMNS)
_RAISE = "UPDATE project SET faces_version = faces_version + 1"


def upgrade() -> None:
    op.add_column("faces", sa.Column("finder", sa.String(), nullable=False, server_default="hog"))
    # The detector's scores are above 0; a face that came with its image was recorded with the score 0.
    op.execute("UPDATE faces SET finder = 'import' WHERE score = 0.0")
    # Only HOG has searched them: without a count they are searched again, and the CNN finds more.
    op.execute("UPDATE images SET face_count = NULL WHERE face_count = 0")
    op.add_column(
        "project", sa.Column("faces_version", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    create_trigger("faces_added", "INSERT", "faces", [_RAISE], once=True)
    changed = [(_cell("old", column), _cell("new", column)) for column in _COLUMNS]
    create_trigger("faces_changed", f"UPDATE OF {_NAMES}", "faces", [_RAISE], changed=changed, once=True)
    create_trigger("faces_removed", "DELETE", "faces", [_RAISE], once=True)


def _cell(row: str, column: str) -> str:
    """A column of a row; PostgreSQL compares JSON only as text."""
    is_json = column == "points" and op.get_bind().dialect.name == "postgresql"
    return f'{row}."{column}"::text' if is_json else f'{row}."{column}"'


def downgrade() -> None:
    for name in ("added", "changed", "removed"):
        drop_trigger(f"faces_{name}", "faces")
    op.drop_column("project", "faces_version")
    op.drop_column("faces", "finder")
