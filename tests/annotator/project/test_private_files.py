"""Only the owner can read the files of a project."""

from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.services.backups.create import back_up
from tests.support.commands import call, run
from tests.support.serving import Server


def readable_by_others(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    }


def test_all_that_commands_and_the_server_write_is_private(faces: Path, tmp_path: Path):
    project = tmp_path / "made" / "project"
    run("init", "-p", project).assert_done()
    call("import", *sorted(faces.glob("000*.jpg")), "-p", project).assert_done()
    call("export", "-p", project).assert_done()
    with Server(project) as server:
        client = server.client()
        [task] = client.next()["tasks"]
        client.answer(task, {"glasses": 1})
        assert readable_by_others(project) == set()
    back_up(ProjectFolder.open(project), tmp_path / "backups")
    assert readable_by_others(tmp_path / "backups") == set()
    assert project.stat().st_mode & 0o777 == 0o700


def test_an_earlier_project_is_made_private_when_it_is_served(filled: ProjectFolder):
    for path in [filled.path, *filled.path.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    with Server(filled.path):
        assert readable_by_others(filled.path) == set()


@pytest.mark.parametrize("name", ["thesis", "photos of others.txt"])
def test_things_of_others_in_the_folder_are_left_alone(filled: ProjectFolder, name: str):
    (filled.path / name).touch()
    (filled.path / name).chmod(0o644)
    filled.path.chmod(0o755)
    filled.make_private()
    assert (filled.path / name).stat().st_mode & 0o777 == 0o644
    assert filled.path.stat().st_mode & 0o777 == 0o755
    own = filled.database_file if filled.database_file.exists() else filled.path / "database.json"
    assert own.stat().st_mode & 0o777 == 0o600
