"""What found each face, and a number that rises with every change of what snapshots say of the faces.

As in 0018, a later migration that makes the table of the faces anew has to make the triggers anew.
"""

import sqlalchemy as sa

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COLUMNS = ("image_id", "number", "turn", "left", "top", "right", "bottom", "score", "points", "finder")
_OLD, _NEW = (", ".join(f'{row}."{column}"' for column in _COLUMNS) for row in ("old", "new"))
_NAMES = ", ".join(f'"{column}"' for column in _COLUMNS)
_EVENTS = {
    "added": "INSERT ON faces",
    "changed": f"UPDATE OF {_NAMES} ON faces WHEN ({_OLD}) IS NOT ({_NEW})",
    "removed": "DELETE ON faces",
}
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
    for name, event in _EVENTS.items():
        op.execute(f"CREATE TRIGGER faces_{name} AFTER {event} BEGIN {_RAISE}; END")


def downgrade() -> None:
    for name in _EVENTS:
        op.execute(f"DROP TRIGGER faces_{name}")
    op.drop_column("project", "faces_version")
    op.drop_column("faces", "finder")
