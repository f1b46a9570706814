"""Which predictions suggest the values of each attribute, and why: a log, of which the newest entry counts."""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_PROMOTION = "promotion:"
_REASON = "It was in use before rounds were chosen by attribute."


def upgrade() -> None:
    op.create_table(
        "suggestion_sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attribute_id", sa.Integer(), nullable=False),
        sa.Column("predictions_id", sa.Integer(), nullable=False),
        sa.Column("best_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("chosen", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["attribute_id"], ["attributes.id"]),
        sa.ForeignKeyConstraint(["best_id"], ["predictions.id"]),
        sa.ForeignKeyConstraint(["predictions_id"], ["predictions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    connection = op.get_bind()
    attributes = connection.scalars(sa.text("SELECT id FROM attributes WHERE kind = 'categorical'")).all()
    for predictions, since in _in_use(connection):
        for attribute in attributes:
            connection.execute(
                sa.text(
                    "INSERT INTO suggestion_sources (attribute_id, predictions_id, best_id, reason, since) "
                    "VALUES (:attribute, :predictions, :predictions, :reason, :since)"
                ),
                {"attribute": attribute, "predictions": predictions, "reason": _REASON, "since": since},
            )


def _in_use(connection: sa.Connection) -> list[tuple[int, str]]:
    """Return which predictions came into use and when: by loading, by promotion, and at the end those with the highest turn."""
    loaded = connection.execute(sa.text("SELECT id, round_id, loaded_at FROM predictions ORDER BY id")).all()
    of_round = {round_id: number for number, round_id, _ in loaded if round_id is not None}
    events = [(number, moment) for number, _, moment in loaded]
    promotions = connection.execute(
        sa.text("SELECT fingerprint, created_at FROM submissions WHERE kind = 'promotion'")
    )
    for fingerprint, moment in promotions:
        round_id = int(fingerprint.removeprefix(_PROMOTION))
        if round_id in of_round:
            events.append((of_round[round_id], moment))
    events.sort(key=lambda event: event[1])
    last = connection.scalars(sa.text("SELECT id FROM predictions ORDER BY turn, id")).all()
    newest = events[-1][1] if events else ""
    return [*events, *((number, newest) for number in last[-1:] if events[-1][0] != number)]


def downgrade() -> None:
    op.drop_table("suggestion_sources")
