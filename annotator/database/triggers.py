"""Triggers in the words of both engines, for migrations. What a migration called must keep its meaning: add, don't change."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op


def create_trigger(
    name: str,
    event: str,
    table: str,
    statements: Sequence[str],
    *,
    changed: Sequence[tuple[str, str]] = (),
    once: bool = False,
) -> None:
    """Make a trigger that runs after each changed row.

    Args:
        name: its name; PostgreSQL gives its function the same one.
        event: `INSERT`, `DELETE`, `UPDATE` or `UPDATE OF column, …`.
        table: the table.
        statements: what it does, in words that both engines understand, with `old.` and `new.` before columns.
        changed: pairs of an expression of the old row and the same one of the new row, of which one must differ.
        once: doing it once in a transaction is enough. PostgreSQL then does so: each further update of the same row in one
            transaction would take longer than the one before.
    """
    before, after = (", ".join(side) for side in zip(*changed, strict=True)) if changed else ("", "")
    body = " ".join(f"{statement};" for statement in statements)
    if op.get_bind().dialect.name == "sqlite":
        when = f"WHEN ({before}) IS NOT ({after}) " if changed else ""
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} {when}BEGIN {body} END")
        return
    when = f"WHEN (({before}) IS DISTINCT FROM ({after})) " if changed else ""
    if once:
        mark = f"'facelabel.{name}'"
        body = (
            f"IF current_setting({mark}, true) IS DISTINCT FROM pg_current_xact_id()::text THEN {body} "
            f"PERFORM set_config({mark}, pg_current_xact_id()::text, true); END IF;"
        )
    op.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} RETURN NULL; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {when}EXECUTE FUNCTION {name}()")


def drop_trigger(name: str, table: str) -> None:
    """Drop a trigger of `create_trigger`."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {name}")
        return
    op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(f"DROP FUNCTION {name}()")
