"""An older copy of the database beside a newer log is refused, and no honest pair of file and log ever is."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.database import open_database
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from tests.support.killing import dies

pytestmark = pytest.mark.database_file


def write_rows(folder: Path, seed: int, rounds: int) -> None:
    """Write until the log was started anew some times, and die without closing anything."""
    database, chance = open_database(folder / "facelabel.db"), random.Random(seed)
    for _ in range(rounds):
        with database.write(durable=chance.random() < 0.7) as session:
            connection = session.connection()
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS ballast (id INTEGER PRIMARY KEY, content BLOB)"
            )
            connection.exec_driver_sql(
                "INSERT INTO ballast (content) VALUES (zeroblob(?))", (chance.randrange(900_000),)
            )
            if chance.random() < 0.2:
                connection.exec_driver_sql("DELETE FROM ballast WHERE id % 3 = 0")
        if chance.random() < 0.15:
            database.checkpoint()
        if chance.random() < 0.1:
            database.close()
    os.kill(os.getpid(), signal.SIGKILL)


def state(folder: Path, to: Path) -> Path:
    """A copy of file, log and names as they are after a kill."""
    to.mkdir()
    for path in folder.glob("facelabel.db*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, to / path.name)
    return to


def salt_of(folder: Path) -> bytes:
    log = folder / "facelabel.db-wal"
    return log.read_bytes()[16:24] if log.exists() else b""


def is_refused(folder: Path) -> bool:
    try:
        open_database(folder / "facelabel.db").generation.check()
    except FacelabelError as error:
        return error.code == "other_log"
    return False


@pytest.mark.timeout(900)
def test_no_honest_pair_is_refused_and_an_older_copy_is(project: ProjectFolder, tmp_path: Path, soak: bool):
    project.database.checkpoint()
    project.database.close()
    earlier: list[Path] = []
    refused = 0
    for trial in range(60 if soak else 3):
        assert dies(write_rows, project.path, trial, 20)
        killed = state(project.path, tmp_path / f"killed-{trial}")
        assert not is_refused(killed)
        for copy in earlier:
            mixed = state(killed, tmp_path / "mixed")
            shutil.copy(copy / "facelabel.db", mixed / "facelabel.db")
            if salt_of(killed) == salt_of(copy) or not salt_of(killed):
                # The log holds everything since the copy, or nothing: the two are sound together.
                database = open_database(mixed / "facelabel.db")
                assert database.find_damage() == []
                database.close()
            else:
                assert is_refused(mixed)
                refused += 1
            shutil.rmtree(mixed)
        earlier.append(killed)
    assert refused > 0


def test_the_refusal_says_what_to_do_and_each_remedy_works(project: ProjectFolder, tmp_path: Path):
    project.database.checkpoint()
    project.database.close()
    shutil.copy(project.database_file, tmp_path / "older.db")
    assert dies(write_rows, project.path, 1, 40)
    newer = state(project.path, tmp_path / "newer")
    shutil.copy(tmp_path / "older.db", project.database_file)
    with pytest.raises(FacelabelError, match="belongs to another state"):
        ProjectFolder.open(project.path)
    shutil.copy(newer / "facelabel.db", project.database_file)
    ProjectFolder.open(project.path).database.close()
    shutil.copy(tmp_path / "older.db", project.database_file)
    for end in ("-wal", "-shm"):
        Path(f"{project.database_file}{end}").unlink(missing_ok=True)
    opened = ProjectFolder.open(project.path)
    assert opened.database.find_damage() == []
    opened.database.close()


def test_a_copy_made_for_a_backup_is_never_taken_for_the_file_of_the_log(
    project: ProjectFolder, tmp_path: Path
):
    with project.database.write() as session:
        session.connection()
    project.database.copy_to(tmp_path / "copy.db")
    project.database.checkpoint()
    project.database.close()
    assert dies(write_rows, project.path, 2, 3)
    shutil.copy(tmp_path / "copy.db", project.database_file)
    if (project.path / "facelabel.db-generation").exists():
        with pytest.raises(FacelabelError, match="belongs to another state"):
            ProjectFolder.open(project.path)


def test_another_process_does_not_remove_the_log_of_this_one(project: ProjectFolder):
    for _ in range(2):
        with project.database.write() as session:
            session.connection().exec_driver_sql("CREATE TABLE IF NOT EXISTS ballast (content)")
    assert (project.path / "facelabel.db-generation").exists()
    ProjectFolder.open(project.path)
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM ballast').fetchall(); c.close()"
    subprocess.run([sys.executable, "-c", look, project.database_file], check=True)
    assert Path(f"{project.database_file}-wal").stat().st_size > 0, "it thought that nobody uses the database"
