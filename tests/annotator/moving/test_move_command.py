"""`facelabel move` takes a project to PostgreSQL and back, and the same bytes are exported before and after."""

import json

from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.commands import call, files
from tests.support.database.postgres import PostgresServer


def exported(project: ProjectFolder, name: str) -> dict[str, str]:
    """The hashes of the files of an export; the manifest, which has the time, only by the hash of the contents."""
    project.database.close()
    folder = project.path.parent / name
    call("export", "--to", folder, "-p", project.path).assert_done()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    return files(folder) | {"manifest.json": manifest["content_hash"]}


def test_exports_are_the_same_there_and_back(labelled: ProjectFolder, postgres: str):
    before = exported(labelled, "before")
    with_password = postgres.replace("@", ":swordfish@", 1)
    moved = call("move", "--to", with_password, "-p", labelled.path)
    moved.assert_done()
    assert "swordfish" not in moved.out + moved.err + (labelled.path / "database.json").read_text()
    with ProjectFolder.open(labelled.path).database.engine.connect() as connection:
        assert "swordfish" not in str(connection.exec_driver_sql("SELECT state FROM database_move").all())
    assert "The project is in postgresql://facelabel@/" in moved.out
    assert "facelabel.db is kept and only reads" in moved.out
    assert exported(labelled, "there") == before
    call("move", "--to", postgres, "-p", labelled.path).assert_refused(2, "already")

    back = call("move", "--to", "file", "--json", "-p", labelled.path)
    back.assert_done()
    assert json.loads(back.out)["written"] < 10
    assert exported(labelled, "back") == before
    assert not (labelled.path / "database.json").exists()


def test_another_project_s_database_is_refused(filled: ProjectFolder, postgres: str):
    init_project(filled.path.parent / "another", database=postgres).database.close()
    refused = call("move", "--to", postgres, "-p", filled.path)
    refused.assert_refused(1, "holds another project", "Name an empty database")
    call("move", "--cancel", "-p", filled.path).assert_done()


def test_a_server_that_cannot_be_reached_is_named_in_a_sentence(
    filled: ProjectFolder, postgres_server: PostgresServer
):
    refused = call("move", "--to", postgres_server.url("nothing"), "-p", filled.path)
    refused.assert_refused(1, "nothing", "cannot be used")
    call("move", "-p", filled.path).assert_refused(2)
