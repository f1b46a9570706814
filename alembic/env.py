"""Alembic's entry: the connection comes from annotator.database, never from a file of settings."""

from typing import Any

from alembic import context
from annotator.models import Base, Time


def render_item(kind: str, item: Any, _autogenerate_context: Any) -> str | bool:
    """A migration must not depend on the application's types, which change: a Time is a DateTime in the file."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, Time) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
