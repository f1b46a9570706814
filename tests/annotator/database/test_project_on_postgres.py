"""A project in PostgreSQL works as one in a file does: commands, pages, exports. Its folder opens with no other database."""

import csv
from pathlib import Path
from threading import Event

import pytest

from annotator.config import Settings
from annotator.database.link import LINK
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.project import ProjectFolder
from annotator.services.rounds.jobs import get_round, start_round
from annotator.worker import run_worker
from tests.support.commands import call
from tests.support.forked import processes
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


def work(path: Path) -> None:
    """A worker that does the feature warm-up and starts no rounds."""
    run_worker(ProjectFolder.open(path), Settings(faces=False, round_every=1000), Event())


def test_a_round_of_a_worker_orders_the_queue_and_its_answers_are_exported(
    tmp_path, faces, filled_on_postgres: ProjectFolder
):
    project, answers = filled_on_postgres, (faces / "answers.csv").read_text().splitlines()
    (tmp_path / "some.csv").write_text("\n".join(answers[:31]))
    call("import", tmp_path / "some.csv", "-p", project.path).assert_done()
    with project.database.write() as session:
        number = start_round(session, "probe", "entropy").id
    worker = processes().Process(target=work, args=(project.path,))
    worker.start()

    def state() -> tuple[str, str | None]:
        with project.database.read() as session:
            row = get_round(session, number)
            return row.state, row.error

    wait_until(lambda: state()[0] in {"done", "failed"}, "the round has ended")
    worker.kill()
    worker.join()
    assert state() == ("done", None)
    predicted = PredictionsFile(project.round_folder(number) / "run" / "predictions")
    me = Person(project)
    tasks = me.next(5)
    assert [task.image_name for task in tasks] == predicted.order(0, 5)
    assert any(cell.suggestion for task in tasks for cell in task.cells)
    for task in tasks:
        me.answer(task, ALL)
    call("export", "--to", tmp_path / "snapshot", "-p", project.path).assert_done()
    call("verify", tmp_path / "snapshot").assert_done()
    with (tmp_path / "snapshot" / "labels.csv").open(newline="") as file:
        rows = {row["image_name"]: row["glasses"] for row in csv.DictReader(file)}
    assert [rows[task.image_name] for task in tasks] == ["2"] * 5


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
