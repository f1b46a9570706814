"""The commit watch notices a commit without reading the database."""

from sqlalchemy import select, update

from annotator.models import Project
from annotator.project import ProjectFolder


def test_a_commit_is_seen_once_and_reading_is_none(filled: ProjectFolder):
    changes = filled.database.changes()
    assert not changes.any()
    with filled.database.read() as session:
        session.execute(select(Project.name)).all()
    assert not changes.any()
    for durable in (True, False):
        with filled.database.write(durable=durable) as session:
            session.execute(update(Project).values(done_count=Project.done_count + 1))
        assert [changes.any(), changes.any()] == [True, False]
    changes.close()
