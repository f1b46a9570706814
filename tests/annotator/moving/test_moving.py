"""A move gives the other database every row once, whenever it is killed, and lets nobody write into the one that it leaves."""

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from annotator.database import Database, open_database
from annotator.errors import Busy, Conflict, FacelabelError
from annotator.models import Annotation, Labeller, Project, Submission
from annotator.project import NEWEST_REVISION, ProjectFolder
from annotator.services.moving import passes
from annotator.services.moving.move import MoveReport, cancel, move
from annotator.services.moving.places import Place, opened_place
from annotator.services.moving.tables import moved_tables
from annotator.services.projects import init_project
from tests.support.killing import Moment, dies
from tests.support.projects.labelling import Person
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch):
    """Several ranges in a small table."""
    monkeypatch.setattr(passes, "ROWS", 16)


@contextmanager
def places(*databases: Database) -> Iterator[list[Place]]:
    with ExitStack() as stack:
        yield [stack.enter_context(opened_place(each, "a database")) for each in databases]


def move_to(source: Database, target: Database, progress=lambda *_: None) -> MoveReport:
    with places(source, target) as (here, there):
        return move(here, there, NEWEST_REVISION, lambda: None, progress)


def rows_of(database: Database) -> dict[str, list]:
    with places(database) as (place,):
        return {table.name: place.side.read(table, None, None) for table in moved_tables()}


@pytest.fixture
def other(postgres_server) -> Iterator[Database]:
    """A PostgreSQL database with tables and without rows."""
    url = postgres_server.create_with_tables()
    opened = open_database(url)
    yield opened
    opened.close()
    postgres_server.drop(url)


def assert_only_reads(database: Database) -> None:
    """Its writers are told that the project has moved."""
    for statement in (
        "UPDATE images SET turn = 90",
        "DELETE FROM labels",
        "INSERT INTO image_groups VALUES ('x', 1)",
    ):
        with pytest.raises(Busy, match="only reads") as caught, database.write() as session:
            session.execute(text(statement))
        assert caught.value.code == "database_moved"


def test_every_row_goes_there_and_comes_back(labelled: ProjectFolder, other: Database, tmp_path: Path):
    Person(labelled, "ann\u00e9 \\ \t\n'\"")
    with labelled.database.write() as session:
        session.execute(text("UPDATE images SET twin_of = 40 WHERE id = 1"))  # refers to a later row
        session.execute(text("UPDATE submissions SET drawn = 0.1, milliseconds = 7 WHERE id = 2"))
    before = rows_of(labelled.database)
    report = move_to(labelled.database, other)
    assert report.rows == report.written == sum(map(len, before.values()))
    assert rows_of(other) == before
    assert_only_reads(labelled.database)

    back = open_database(tmp_path / "back.db")
    again = move_to(other, back)
    assert rows_of(back) == before
    assert again.tables == report.tables
    assert_only_reads(other)
    assert rows_of(other) == rows_of(labelled.database) == before
    with back.read() as session:
        assert session.scalars(text("PRAGMA foreign_key_check")).all() == []
    back.close()


def test_a_moved_database_goes_on_counting_and_its_triggers_work(labelled: ProjectFolder, other: Database):
    with labelled.database.read() as session:
        highest, version = (
            session.scalar(select(func.max(Submission.id))),
            session.scalar(select(Project.images_version)),
        )
    move_to(labelled.database, other)
    with other.write() as session:
        labeller = Labeller(name="new")
        session.add(labeller)
        session.flush()
        assert labeller.id == session.scalar(select(func.count()).select_from(Labeller))
        assert session.scalar(select(Project.images_version)) == version
        session.add(
            Submission(
                key="k",
                kind="label",
                fingerprint="f",
                labeller_id=labeller.id,
                late=False,
                created_at=func.now(),
            )
        )
        session.execute(text("UPDATE images SET source = 'elsewhere' WHERE id = 1"))
        session.flush()
        assert session.scalar(select(func.max(Submission.id))) == highest + 1
        assert session.scalar(select(Project.images_version.label("raised"))) == version + 1
    with pytest.raises(Exception, match="foreign key"), other.write() as session:
        session.execute(text("DELETE FROM images WHERE id = 1"))


def test_answers_during_a_move_are_there_once(filled: ProjectFolder, other: Database):
    """Each answer was acknowledged and is in the new database, or was refused and is in neither."""
    me, answered, ended = Person(filled), [], threading.Event()

    def label() -> None:
        with suppress(Busy):
            while not ended.is_set():
                for task in me.next():
                    me.answer(task, {"glasses": 0}, key := f"key {len(answered)}")
                    answered.append(key)

    person = threading.Thread(target=label)

    def begin(*_: object) -> None:
        if not person.ident:
            person.start()
            wait_until(lambda: answered, "somebody answers")

    move_to(filled.database, other, begin)
    ended.set()
    person.join()
    assert answered
    for database in (filled.database, other):
        with database.read() as session:
            assert sorted(session.scalars(select(Submission.key))) == sorted(answered)
            assert session.scalar(select(func.count()).select_from(Annotation)) == len(answered)


def move_until(moment: Moment, file: Path, url: str) -> None:
    """Move until a moment; its events are the reads and writes of both databases, and the switch."""
    passes.ROWS = 16
    source, target = open_database(file), open_database(url)
    with places(source, target) as both:
        for place in both:
            for name in ("run", "read", "write"):
                setattr(place.side, name, _counted(getattr(place.side, name), moment))
        move(*both, NEWEST_REVISION, moment.passed, lambda *_: None)


def _counted(work, moment: Moment):
    def count(*arguments):
        moment.passed()
        return work(*arguments)

    return count


def test_a_killed_move_goes_on_where_it_was(labelled: ProjectFolder, postgres_server, soak):
    before, file, draw = rows_of(labelled.database), labelled.database_file, random.Random(0)
    trials = [[draw.randrange(1200) for _ in range(5)] for _ in range(20)] if soak else [[700, 300]]
    for moments in trials:
        labelled.database.close()
        url = postgres_server.create_with_tables()
        killed = [dies(move_until, Moment(number), file, url) for number in moments]
        target = open_database(url)
        written = move_to(labelled.database, target).written
        assert rows_of(target) == before
        assert soak or (
            all(killed) and written < sum(map(len, before.values()))
        )  # the rest is not copied again
        with places(labelled.database) as (source,):
            assert source.side.state().stage == "locked"
            cancel(source)
        target.close()
        postgres_server.drop(url)


def test_unique_values_that_changed_hands_are_moved(filled: ProjectFolder, other: Database):
    """The name of one row went to another one, and its own to a third one, since the rows were copied."""
    move_to(filled.database, other)
    with other.write() as session:
        names = dict(session.execute(text("SELECT id, name FROM images")).all())
        session.execute(text("UPDATE images SET name = 'x' || name"))
        for number in names:
            new = {"name": names[number % len(names) + 1], "id": number}
            session.execute(text("UPDATE images SET name = :name WHERE id = :id"), new)
    move_to(other, filled.database)
    assert rows_of(filled.database) == rows_of(other)


def test_a_move_that_fails_leaves_the_project_as_it_is(labelled: ProjectFolder, other: Database):
    with labelled.database.write() as session:
        session.execute(text("UPDATE images SET source = :text WHERE id = 7"), {"text": "a\x00b"})
    with pytest.raises(FacelabelError, match=r"The table images could not be copied: .*NUL"):
        move_to(labelled.database, other)
    with labelled.database.write() as session:
        session.execute(text("UPDATE images SET source = 'ab' WHERE id = 7"))
    assert move_to(labelled.database, other).rows


def test_databases_that_do_not_belong_together_are_refused(
    filled: ProjectFolder, other: Database, tmp_path: Path
):
    project = init_project(tmp_path / "elsewhere")

    def stop() -> None:
        raise KeyboardInterrupt

    with places(filled.database, other, project.database) as (here, there, elsewhere):
        with pytest.raises(Conflict, match="another project"):
            move(here, elsewhere, NEWEST_REVISION, stop, lambda *_: None)
        with pytest.raises(KeyboardInterrupt):  # it is whole, and only the switch is left
            move(here, there, NEWEST_REVISION, stop, lambda *_: None)
        with pytest.raises(Conflict, match="is being moved to a database"):
            move(here, elsewhere, NEWEST_REVISION, stop, lambda *_: None)
        assert move(here, there, NEWEST_REVISION, lambda: None, lambda *_: None).written == 0
        assert cancel(here) == "a database"
        with pytest.raises(Conflict, match="a copy of this project that may be in use"):
            move(here, there, NEWEST_REVISION, stop, lambda *_: None)
    with filled.database.write() as session:
        session.execute(text("UPDATE images SET turn = 90 WHERE id = 1"))
    project.database.close()
