"""Running the migrations of alembic/versions."""

from __future__ import annotations

import sys

from sqlalchemy import Connection

from annotator.errors import FacelabelError
from annotator.resources import resource


def upgrade(connection: Connection) -> None:
    """Migrate to the newest revision and commit.

    Raises:
        FacelabelError: if a newer Facelabel made the database.
    """
    # Alembic is imported here, because only commands migrate.
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    from alembic import command  # noqa: PLC0415

    config = Config(stdout=sys.stderr)
    config.set_main_option("script_location", str(resource("alembic")))
    config.attributes["connection"] = connection
    try:
        ScriptDirectory.from_config(config)
        command.upgrade(config, "head")
    except CommandError as error:
        raise FacelabelError(
            "newer_database",
            f"The project's database was made by another version of Facelabel: {error}.",
            do="Use the version of Facelabel that made it, or a newer one.",
        ) from error
