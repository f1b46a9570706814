"""A PostgreSQL database keeps what SQLite keeps: migrations, one writer at a time, one state for a reader, notices of commits."""

import threading

import pytest
from sqlalchemy import text

from annotator.database import Database, open_database
from annotator.errors import FacelabelError
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
