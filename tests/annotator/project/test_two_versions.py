"""A version that must change the tables waits for nobody and hurts nobody: it refuses while older processes run."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.config import Config

from alembic import command
from annotator import in_use
from annotator.errors import FacelabelError
from annotator.project import NEWEST_REVISION, ProjectFolder
from annotator.resources import resource
from tests.support.commands import call

OLDER = f"{int(NEWEST_REVISION) - 1:04d}"


def make_older(project: ProjectFolder) -> None:
    """Give the database the tables that the version before had."""
    config = Config()
    config.set_main_option("script_location", str(resource("alembic")))
    with project.database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, OLDER)
        connection.commit()
    assert project.database.revision() == OLDER


def test_a_newer_version_refuses_while_an_older_one_runs_and_migrates_when_it_has_ended(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(in_use, "_PATIENCE_SECONDS", 0.1)  # the older one never lets go
    make_older(filled)  # and `filled` goes on using it, as a server of that version
    refused = call("status", "-p", filled.path)
    refused.assert_refused(1, "of an older version use them", "Stop all of them")
    assert filled.database.revision() == OLDER
    filled.__dict__.pop("in_use")
    opened = ProjectFolder.open(filled.path)
    assert opened.database.revision() == NEWEST_REVISION
    opened.database.close()


def test_servers_and_workers_of_a_newer_version_that_start_at_once_do_not_refuse_each_other(
    filled: ProjectFolder,
):
    make_older(filled)
    filled.__dict__.pop("in_use")
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(lambda _: ProjectFolder.open(filled.path), range(4)))
    assert {project.database.revision() for project in opened} == {NEWEST_REVISION}
    for project in opened:
        project.database.close()


def test_processes_of_one_version_run_side_by_side(filled: ProjectFolder):
    again = ProjectFolder.open(filled.path)
    assert again.database.revision() == NEWEST_REVISION
    again.database.close()


def test_an_older_version_refuses_a_newer_database(filled: ProjectFolder):
    with filled.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FacelabelError, match="made by another version"):
        ProjectFolder.open(filled.path)


def test_a_folder_that_cannot_be_written_is_told(filled: ProjectFolder, tmp_path: Path):
    if os.geteuid() == 0:
        filled.path.joinpath(".facelabel.lock").unlink()
        filled.path.joinpath(".facelabel.lock").mkdir()
    else:
        filled.path.chmod(0o500)
    with pytest.raises(FacelabelError, match="could not be written"):
        ProjectFolder.open(filled.path)
