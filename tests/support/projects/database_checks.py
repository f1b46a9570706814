"""Checks of a whole database after faults, in whichever engine it is."""

from collections import Counter
from typing import Any

from sqlalchemy import text

from annotator.database import Database
from annotator.project import ProjectFolder
from annotator.services.common.open_cells import recount_open_cells


def select_rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """The rows that a statement selects."""
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def assert_sound(database: Database) -> None:
    """Assert that no page of the database is damaged; a server checks its own."""
    if database.engine.dialect.name == "sqlite":
        assert select_rows(database, "PRAGMA integrity_check") == [("ok",)]


def annotations_by_key(database: Database) -> dict[str, dict[str, int]]:
    """The codes of each submission by its key and attribute; fails if a submission or an annotation is there twice."""
    assert_sound(database)
    keys = [key for (key,) in select_rows(database, "SELECT key FROM submissions")]
    rows = select_rows(
        database,
        "SELECT s.key, t.name, a.code FROM annotations a JOIN submissions s ON s.id = a.submission_id "
        "JOIN attributes t ON t.id = a.attribute_id",
    )
    assert max(Counter(keys).values(), default=0) <= 1
    assert max(Counter((key, name) for key, name, _ in rows).values(), default=0) <= 1
    kept: dict[str, dict[str, int]] = {key: {} for key in keys}
    for key, name, code in rows:
        kept[key][name] = code
    return kept


def assert_counts_are_right(project: ProjectFolder) -> None:
    """Assert that labels and counts, which are derived from the annotations, agree with them."""
    database = project.database
    labels = select_rows(database, "SELECT image_id, attribute_id, code, annotation_id FROM labels")
    newest = select_rows(
        database,
        "SELECT image_id, attribute_id, code, id FROM annotations WHERE id IN "
        "(SELECT max(id) FROM annotations GROUP BY image_id, attribute_id)",
    )
    assert sorted(labels) == sorted(newest)
    counts = "SELECT image_count, done_count FROM project"
    cells = "SELECT id, open_cells FROM images ORDER BY id"
    before = select_rows(database, counts), select_rows(database, cells)
    with database.write() as session:
        recount_open_cells(session)
    assert before == (select_rows(database, counts), select_rows(database, cells))
