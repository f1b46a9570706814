"""The database of a project: sessions that read or write, migrations, and what differs between SQLite and PostgreSQL.

A project's own file, SQLite's, is the default. A PostgreSQL database takes its place where a URL names one (docs/scale.md).
Statements are written once for both; what differs stands in `statements.py` and `triggers.py`.
"""

from sqlalchemy.orm import Session

from annotator.database.base import BUSY_SECONDS, Changes, Database, Writers, database_failure
from annotator.database.opening import open_database

__all__ = ["BUSY_SECONDS", "Changes", "Database", "Session", "Writers", "database_failure", "open_database"]
