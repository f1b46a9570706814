"""The migrations make exactly the tables that the models describe."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from alembic import command
from annotator.database import open_database
from annotator.domain.states import Finder
from annotator.models import Base, Face, Image, Label, Labeller, SuggestionSource
from annotator.project import NEWEST_REVISION, ProjectFolder
from annotator.resources import resource


def test_a_migrated_database_matches_the_models(project: ProjectFolder):
    with project.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_newest_revision_is_the_one_that_projects_are_opened_with():
    config = Config()
    config.set_main_option("script_location", str(resource("alembic")))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST_REVISION


def test_migrating_twice_changes_nothing(tmp_path: Path):
    database = open_database(tmp_path / "a.db")
    database.migrate()
    database.checkpoint()
    before = (tmp_path / "a.db").read_bytes()
    database.migrate()
    database.checkpoint()
    database.close()
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.database_file
def test_the_database_is_durable_and_its_sqlite_is_safe(project: ProjectFolder):
    with project.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    assert tuple(map(int, version.split("."))) >= (3, 51, 3)


@pytest.mark.database_file
def test_a_commit_of_answers_waits_for_the_disk_and_one_of_leases_alone_does_not(project: ProjectFolder):
    for durable, synchronous in ((True, 2), (False, 1), (True, 2)):
        with project.database.write(durable=durable) as session:
            assert session.scalar(text("PRAGMA synchronous")) == synchronous


OLD_PROJECT = (
    "INSERT INTO labellers (id, name) VALUES (1, 'Ada')",
    (
        "INSERT INTO attributes (id, name, title, key, kind, required, groups, spellings, position) "
        "VALUES (1, 'glasses', 'Glasses', 'g', 'categorical', 1, 0, '[]', 0)"
    ),
    "INSERT INTO attribute_values (attribute_id, code, name, status, ends) VALUES (1, 1, 'yes', 'active', 0)",
    (
        "INSERT INTO images (id, name, sha256, extension, width, height, source, original_path, group_key, split, shuffle, "
        "open_cells, created_at) VALUES (1, 'a.jpg', 'ab', 'jpg', 9, 9, 's', 'a.jpg', 'image:ab', 'train', 1, 0, '2026-01-01')"
    ),
    (
        "INSERT INTO submissions (id, key, kind, fingerprint, labeller_id, image_id, late, created_at) "
        "VALUES (1, 'k', 'answer', 'f', 1, 1, 0, '2026-01-01')"
    ),
    "INSERT INTO annotations (id, submission_id, image_id, attribute_id, code, origin) VALUES (1, 1, 1, 1, 1, 'human')",
    "INSERT INTO labels (image_id, attribute_id, code, annotation_id) VALUES (1, 1, 1, 1)",
)
"""A project of the first revision with one label, so that every table that others refer to has a row."""


def test_every_attribute_has_the_suggestions_that_it_had_before(tmp_path: Path):
    database = open_database(tmp_path / "facelabel.db")
    config = Config()
    config.set_main_option("script_location", str(resource("alembic")))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0019")
    round_of = (
        "INSERT INTO rounds (id, state, engine, strategy, stage, done, total, message, attempts, created_at) "
        "VALUES ({0}, 'done', 'probe', 'margin', 'load', 0, 0, '', 0, '2026-01-0{0}')"
    )
    predictions = (
        "INSERT INTO predictions (id, round_id, path, content_hash, schema_hash, rows, unknown, cursor, turn, loaded_at) "
        "VALUES ({0}, {0}, 'rounds/{0}', '{0}', 'h', 1, 0, 0, {1}, '2026-01-0{0}')"
    )
    promotion = (
        "INSERT INTO submissions (id, key, kind, fingerprint, labeller_id, late, created_at) "
        "VALUES (2, 'p', 'promotion', 'promotion:1', 1, 0, '2026-01-03')"
    )
    rounds = [round_of.format(1), round_of.format(2), predictions.format(1, 3), predictions.format(2, 2)]
    with database.write() as session:
        for statement in (*OLD_PROJECT[:2], *rounds, promotion):
            session.execute(text(statement))
    database.close()
    opened = ProjectFolder.open(tmp_path)
    with opened.database.read() as session:
        entries = session.scalars(select(SuggestionSource).order_by(SuggestionSource.id)).all()
    opened.database.close()
    assert [(entry.attribute_id, entry.predictions_id, entry.since.day) for entry in entries] == [
        (1, 1, 1),
        (1, 2, 2),
        (1, 1, 3),
    ]


@pytest.mark.parametrize(("face_count", "afterwards"), [(2, 2), (0, None)])
def test_faces_of_an_older_project_tell_what_found_them_and_none_are_searched_for_again(
    tmp_path: Path, face_count: int, afterwards: int | None
):
    database = open_database(tmp_path / "facelabel.db")
    config = Config()
    config.set_main_option("script_location", str(resource("alembic")))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0019")
    image = OLD_PROJECT[3]
    face = 'INSERT INTO faces (image_id, number, turn, "left", top, "right", bottom, score, points) VALUES '
    with database.write() as session:
        counted = f"UPDATE images SET face_count = {face_count}"
        for statement in (
            image,
            counted,
            face + "(1, 0, 0, 1, 1, 8, 8, 0.0, '[]'), (1, 1, 0, 1, 1, 8, 8, 0.7, '[]')",
        ):
            session.execute(text(statement))
    database.close()
    opened = ProjectFolder.open(tmp_path)
    with opened.database.read() as session:
        finders = session.scalars(select(Face.finder).order_by(Face.number)).all()
        assert session.scalar(select(Image.face_count)) == afterwards
    opened.database.close()
    assert finders == [Finder.IMPORT, Finder.HOG]


def test_an_older_project_is_brought_to_the_newest_revision_with_its_labels(tmp_path: Path):
    database = open_database(tmp_path / "facelabel.db")
    config = Config()
    config.set_main_option("script_location", str(resource("alembic")))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with database.write() as session:
        for statement in OLD_PROJECT:
            session.execute(text(statement))
    database.close()
    opened = ProjectFolder.open(tmp_path)
    assert opened.database.revision() == NEWEST_REVISION
    with opened.database.read() as session:
        [ada] = session.scalars(select(Labeller))
        labels = session.execute(select(Image.name, Label.code).join(Label, Label.image_id == Image.id)).all()
    opened.database.close()
    assert (ada.name, ada.role, ada.active) == ("Ada", "labeller", True)
    assert labels == [("a.jpg", 1)]
