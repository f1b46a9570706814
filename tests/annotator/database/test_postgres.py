"""A PostgreSQL database keeps what SQLite keeps: migrations, one writer at a time, one state for a reader, notices of commits."""

import threading

import pytest
from sqlalchemy import event, func, select, text

from annotator.database import Database, Writers, open_database
from annotator.database.postgres_dialect import COMMIT
from annotator.errors import Busy, DatabaseUnreachable, FacelabelError
from annotator.models import ImageGroup
from annotator.project import NEWEST_REVISION
from tests.support.waiting import wait_until


@pytest.fixture
def database(postgres_server):
    url = postgres_server.create_with_tables()
    opened = open_database(url)
    yield opened
    opened.close()
    postgres_server.drop(url)


def test_the_migrations_make_all_tables_in_an_empty_database(postgres):
    opened = open_database(postgres)
    assert opened.revision() is None
    opened.migrate()
    assert opened.revision() == NEWEST_REVISION
    opened.close()


def test_integers_have_64_bits_and_texts_are_ordered_by_their_bytes(database: Database):
    with database.write() as session:
        for name in ("b", "A", "a", "B"):
            session.execute(
                text("INSERT INTO image_groups (key, images) VALUES (:key, :images)"),
                {"key": name, "images": 2**40},
            )
    with database.read() as session:
        assert list(session.scalars(text("SELECT key FROM image_groups ORDER BY key"))) == [
            "A",
            "B",
            "a",
            "b",
        ]
        assert session.scalar(text("SELECT sum(images) FROM image_groups")) == 2**42


def test_a_statement_has_as_many_values_as_in_sqlite(database: Database):
    with database.write() as session:
        session.execute(
            text("INSERT INTO image_groups (key, images) VALUES ('%', 1), ('b', 99999), ('c', 0)")
        )
    with database.read() as session:
        several = select(ImageGroup.key).where(ImageGroup.images.in_(range(1, 100_000)))
        assert sorted(session.scalars(several)) == ["%", "b"]


def test_texts_are_found_whatever_the_case_of_their_letters_is_as_in_sqlite(database: Database):
    with database.write() as session:
        session.execute(
            text("INSERT INTO image_groups (key, images) VALUES ('Zoë', 1), ('ZOË', 1), ('zo_', 1)")
        )
    with database.read() as session:
        found = [
            sorted(
                session.scalars(select(ImageGroup.key).where(ImageGroup.key.contains(part, autoescape=True)))
            )
            for part in ("zo", "oë", "o_")
        ]
    assert found == [["ZOË", "Zoë", "zo_"], ["Zoë"], ["zo_"]]


def test_a_condition_of_several_rows_holds_if_it_holds_for_one(database: Database):
    with database.write() as session:
        session.execute(text("INSERT INTO image_groups (key, images) VALUES ('a', 1), ('b', 2)"))
    with database.read() as session:
        assert session.scalar(select(func.max(ImageGroup.images == 1))) is True
        assert session.scalar(select(func.max(ImageGroup.images == 3))) is False


@pytest.mark.parametrize("durable", [True, False])
def test_others_write_while_a_durable_commit_waits_for_the_disk(database: Database, durable):
    """The lock is free again before the disk is waited for: the commit and the wait are statements of one message."""
    statements: list[str] = []
    event.listen(
        database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement)
    )
    event.listen(database.engine, "commit", lambda connection: statements.append(connection.info[COMMIT]))
    with database.write(durable=durable) as session:
        session.execute(text("INSERT INTO image_groups (key, images) VALUES ('a', 1)"))
    begin, _, end = statements
    assert begin.startswith("BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_advisory_xact_lock(")
    committed, _, waited = end.partition("; ")
    assert committed == "COMMIT"
    assert waited.startswith("SELECT pg_logical_emit_message(true") is durable
    with database.read() as session:
        assert session.scalar(text("SHOW synchronous_commit")) == "on"


def test_a_connection_that_ended_while_it_waited_is_replaced(database: Database, postgres_server):
    for _ in range(2):
        with database.read() as session:
            mine = session.scalar(text("SELECT pg_backend_pid()"))
        postgres_server.execute(f"SELECT pg_terminate_backend({mine}, 5000)")


@pytest.mark.parametrize("use", ["read", "write"])
def test_a_connection_that_ends_in_use_is_told(database: Database, postgres_server, use):
    def look() -> None:
        with getattr(database, use)() as session:
            mine = session.scalar(text("SELECT pg_backend_pid()"))
            postgres_server.execute(f"SELECT pg_terminate_backend({mine}, 5000)")
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnreachable) as caught:
        look()
    assert caught.value.status == 503


def test_who_waits_for_another_writer_for_too_long_is_told(database: Database):
    another = open_database(database.location)
    event.listen(another.engine, "connect", lambda connection, _: connection.execute("SET lock_timeout = 1"))

    def write() -> None:
        with another.write():
            pass

    with database.write(), pytest.raises(Busy) as caught:
        write()
    assert caught.value.code == "database_busy"
    write()
    another.close()


@pytest.mark.parametrize("durable", [True, False])
def test_one_transaction_writes_at_a_time_and_sees_what_was_committed(database: Database, durable):
    insert = text("INSERT INTO image_groups (key, images) VALUES ('one', 0)")
    add = text("UPDATE image_groups SET images = :images")
    with database.write() as session:
        session.execute(insert)

    def count_up() -> None:
        for _ in range(25):
            with database.write(durable=durable) as session:
                images = session.scalar(text("SELECT images FROM image_groups"))
                session.execute(add, {"images": images + 1})

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalar(text("SELECT images FROM image_groups")) == 100


@pytest.mark.parametrize("among", [Writers.ANSWERING, Writers.ASSIGNING])
def test_who_answers_and_who_assigns_wait_only_for_their_kind_and_for_all_others(database: Database, among):
    [other_kind] = {Writers.ANSWERING, Writers.ASSIGNING} - {among}
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")

    def write(kind: Writers) -> None:
        with database.write(among=kind):
            pass

    def count_waiting() -> int:
        with database.read() as session:
            return session.scalar(waiting) or 0

    threads = [threading.Thread(target=write, args=(kind,)) for kind in (among, Writers.ALL)]
    with database.write(among=among):
        write(other_kind)
        for thread in threads:
            thread.start()
        wait_until(lambda: count_waiting() == len(threads), "both others wait")
    for thread in threads:
        thread.join()
    write(among)


def test_a_reader_sees_one_state_and_can_write_nothing(database: Database):
    with database.read() as reader:
        assert reader.scalar(text("SELECT count(*) FROM image_groups")) == 0
        with database.write() as session:
            session.execute(text("INSERT INTO image_groups (key, images) VALUES ('new', 1)"))
        assert reader.scalar(text("SELECT count(*) FROM image_groups")) == 0
    with database.read() as reader, pytest.raises(Exception, match="read-only"):
        reader.execute(text("DELETE FROM image_groups"))


def test_commits_of_others_are_noticed(database: Database):
    changes = database.changes()
    assert not changes.any()
    with database.write(durable=False):
        pass
    wait_until(changes.any, "a notice of the commit")
    assert not changes.any()
    changes.close()


@pytest.mark.parametrize(
    "url", ["postgresql://me:Secret7@", "postgresql://me:Secret7@127.0.0.1:1/faces", "postgresql://[Secret7"]
)
def test_no_error_tells_the_password(url):
    with pytest.raises(FacelabelError) as caught:
        open_database(url).revision()
    assert "Secret7" not in str(caught.value)
    assert "postgresql://" in str(caught.value)
