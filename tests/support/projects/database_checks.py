"""Checks of a whole database after faults."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from annotator.project import ProjectFolder
from annotator.services.common.open_cells import recount_open_cells


def annotations_by_key(database: Path) -> dict[str, dict[str, int]]:
    """The codes of each submission by its key and attribute; fails if a submission or an annotation is there twice."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        keys = [key for (key,) in connection.execute("SELECT key FROM submissions")]
        rows = connection.execute(
            "SELECT s.key, t.name, a.code FROM annotations a JOIN submissions s ON s.id = a.submission_id "
            "JOIN attributes t ON t.id = a.attribute_id"
        ).fetchall()
    assert max(Counter(keys).values(), default=0) <= 1
    assert max(Counter((key, name) for key, name, _ in rows).values(), default=0) <= 1
    kept: dict[str, dict[str, int]] = {key: {} for key in keys}
    for key, name, code in rows:
        kept[key][name] = code
    return kept


def assert_counts_are_right(project: ProjectFolder) -> None:
    """Assert that labels and counts, which are derived from the annotations, agree with them."""
    with closing(sqlite3.connect(project.database_file)) as database:
        labels = database.execute("SELECT image_id, attribute_id, code, annotation_id FROM labels").fetchall()
        newest = database.execute(
            "SELECT image_id, attribute_id, code, max(id) FROM annotations GROUP BY 1, 2"
        )
        assert sorted(labels) == sorted(newest.fetchall())
        counts = "SELECT image_count, done_count FROM project"
        cells = "SELECT id, open_cells FROM images ORDER BY id"
        before = database.execute(counts).fetchall(), database.execute(cells).fetchall()
        with project.database.write() as session:
            recount_open_cells(session)
        assert before == (database.execute(counts).fetchall(), database.execute(cells).fetchall())
