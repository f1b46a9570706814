"""The file by which a project folder names its PostgreSQL database, and the check that both belong together.

The folder's `database.json` has the address without a password, and the token that the database's project has too. A password
comes with each start, from FACELABEL_DATABASE or from what libpq reads: `~/.pgpass` or PGPASSWORD.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import text

from annotator.database.base import Database
from annotator.errors import FacelabelError, WrongUse
from annotator.files import write_atomically

LINK = "database.json"


@dataclass(frozen=True)
class DatabaseLink:
    """What `database.json` says.

    Args:
        url: the database's address, without a password.
        token: the token of its project.
    """

    url: str
    token: str

    def write(self, folder: Path) -> None:
        """Write the file; from now on the folder's project is in that database."""
        write_atomically(folder / LINK, (json.dumps(asdict(self), indent=1) + "\n").encode())

    def check(self, database: Database) -> None:
        """Check that a database, which has tables, is the one that this folder belongs to.

        Raises:
            FacelabelError: if it holds another project, or none.
        """
        token = database_token(database)
        if token == self.token:
            return
        what = (
            "no project"
            if token is None
            else "another project than this folder, whose images would get its labels"
        )
        raise FacelabelError(
            "other_database",
            f"The database holds {what}.",
            kept="Nothing was opened or changed.",
            do=f"Set FACELABEL_DATABASE to the database that {LINK} names, or unset it.",
        )


def read_link(folder: Path) -> DatabaseLink | None:
    """Read the file; None if the folder has none.

    Raises:
        FacelabelError: if it cannot be read.
    """
    try:
        link = json.loads((folder / LINK).read_bytes())
        return DatabaseLink(str(link["url"]), str(link["token"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FacelabelError(
            "bad_database_link",
            f"{folder / LINK} cannot be read: {error!r}.",
            do="Restore it from a copy of the folder.",
        ) from error


def named_database() -> str | None:
    """The address in FACELABEL_DATABASE, which may hold a password; None if it is not set."""
    return os.environ.get("FACELABEL_DATABASE") or None


def require_own_file(file: Path) -> None:
    """Refuse to open a project's SQLite file while FACELABEL_DATABASE names another database.

    Raises:
        WrongUse: if it does.
    """
    if named_database() is not None:
        raise WrongUse(
            "other_database",
            f"FACELABEL_DATABASE names a database, but this project's own is the file {file}.",
            kept="Nothing was opened or changed.",
            do="Unset FACELABEL_DATABASE to use the file.",
        )


def database_token(database: Database) -> str | None:
    """The token of the project in a database with tables; None if it holds none."""
    with database.read() as session:
        token: str | None = session.scalar(text("SELECT token FROM project"))
        return token
