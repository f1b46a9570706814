"""What a move to another database leaves in one (annotator/services/moving): words by which others know it."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from annotator.errors import Busy

UNFINISHED_REVISION = "unfinished move"
"""Stands in place of the migration revision while a database is being filled, so that no Facelabel opens it."""

LOCK_SENTENCE = "This database only reads, because its project moves or was moved to another one."
"""What the triggers of a locked database answer to every writer."""


def moved_away(error: DBAPIError) -> Busy | None:
    """What a writer is told whom a locked database refused; None if `error` is of another kind."""
    if LOCK_SENTENCE not in str(error.orig):
        return None
    return Busy(
        "database_moved",
        "The project is being moved to another database, or was moved there. This one only reads.",
        kept="This step changed nothing; everything acknowledged earlier is kept, and goes with the project.",
        do="Wait until `facelabel move` has ended, then start the server and the worker anew.",
    )
