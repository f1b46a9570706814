"""A project in PostgreSQL works as one in a file does: commands, pages, exports. Its folder opens with no other database."""

from pathlib import Path

import pytest

from annotator.database.link import LINK
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.labelling import ALL, Person, done_count, labels_of
from tests.support.serving import Server
from tests.support.waiting import wait_until


@pytest.fixture
def opened(tmp_path: Path, faces: Path, postgres: str):
    """A project with faces in PostgreSQL."""
    call("init", "-p", tmp_path / "project", "--database", postgres).assert_done()
    call("import", faces, "-p", tmp_path / "project").assert_done()
    made = ProjectFolder.open(tmp_path / "project")
    yield made
    made.database.close()


def test_it_is_labelled_and_exported_as_one_in_a_file(tmp_path, faces, opened: ProjectFolder):
    assert not opened.database_file.exists()
    call("init", "-p", tmp_path / "file").assert_done()
    call("import", faces, "-p", tmp_path / "file").assert_done()
    in_file = ProjectFolder.open(tmp_path / "file")
    exports = []
    for project in (opened, in_file):
        me = Person(project)
        [task] = me.next()
        assert me.answer(task, ALL).labels == ALL
        assert labels_of(project, task.image_id) == ALL
        me.undo()
        assert done_count(project) == 0
        call("import", faces / "answers.csv", "-p", project.path).assert_done()
        call("export", "--to", tmp_path / f"{project.name}-snapshot", "-p", project.path).assert_done()
        exports.append((tmp_path / f"{project.name}-snapshot" / "labels.csv").read_bytes())
    in_file.database.close()
    assert exports[0] == exports[1]


def test_its_server_gives_images_and_keeps_answers(opened: ProjectFolder):
    with Server(opened.path) as server:
        client = server.client()
        task = client.next()["tasks"][0]
        client.answer(task, ALL)
    wait_until(lambda: done_count(opened) == 1, "the answer is kept")


def test_what_is_a_files_own_says_what_to_use_instead(tmp_path, opened: ProjectFolder):
    backup = call("backup", tmp_path / "backup", "-p", opened.path)
    backup.assert_refused(1, "pg_dump", "No backup was made")
    assert not (tmp_path / "backup").exists()
    assert "pg_amcheck" in call("doctor", "-p", opened.path).out


def test_a_folder_opens_with_no_other_database(tmp_path, opened: ProjectFolder, postgres_server, monkeypatch):
    other = postgres_server.create()
    call("init", "-p", tmp_path / "other", "--database", other).assert_done()
    monkeypatch.setenv("FACELABEL_DATABASE", other)
    call("status", "-p", opened.path).assert_refused(1, "another project than this folder")
    call("status", "-p", tmp_path / "other").assert_done()
    call("init", "-p", tmp_path / "third").assert_refused(2, "already holds a Facelabel project")
    assert not (tmp_path / "third").exists()
    monkeypatch.delenv("FACELABEL_DATABASE")
    call("init", "-p", tmp_path / "file").assert_done()
    monkeypatch.setenv("FACELABEL_DATABASE", other)
    call("status", "-p", tmp_path / "file").assert_refused(2, "own is the file")
    postgres_server.drop(other)
    call("status", "-p", tmp_path / "other").assert_refused(1, "cannot be used")


def test_the_folder_keeps_no_password(tmp_path, postgres: str):
    url = postgres.replace("facelabel@", "facelabel:Secret7@")
    made = call("init", "-p", tmp_path / "project", "--database", url)
    made.assert_done()
    assert "Secret7" not in made.out + (tmp_path / "project" / LINK).read_text()
    holders = [
        path
        for path in (tmp_path / "project").rglob("*")
        if path.is_file() and b"Secret7" in path.read_bytes()
    ]
    assert holders == []
    call("status", "-p", tmp_path / "project").assert_done()
