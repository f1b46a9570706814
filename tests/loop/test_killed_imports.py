"""An import that is killed and run again ends like an import that was never killed."""

import hashlib
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.projects import init_project
from tests.support.projects.database_checks import select_rows
from tests.support.projects.images import LIMITS, import_images
from tests.support.waiting import wait_until

COUNT = 300


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in two folders, among them the same bytes twice, another image of the same name, and a bad file."""
    folder = tmp_path_factory.mktemp("photos")
    draw_faces(folder / "one", COUNT, size=48)
    draw_faces(folder / "two", 3, seed=1, size=48)
    (folder / "two" / "copy.jpg").write_bytes((folder / "one" / "0007.jpg").read_bytes())
    (folder / "two" / "text.jpg").write_text("no image")
    return folder


def rows(project: ProjectFolder) -> list[list[tuple]]:
    """What the database says about the images, but for the time."""
    return [
        select_rows(project.database, query)
        for query in (
            """SELECT id, name, sha256, extension, width, height, source, original_path, group_key, split, shuffle,
               open_cells FROM images ORDER BY id""",
            "SELECT * FROM image_aliases ORDER BY name",
            "SELECT image_count, done_count FROM project",
        )
    ]


def stored(folder: Path) -> dict[str, bytes]:
    """The files of a store; what a killed process left unfinished has a name that nothing looks for."""
    files = [path for path in folder.rglob("*.*") if path.is_file()]
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".")}


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> ProjectFolder:
    project = init_project(tmp_path_factory.mktemp("never_killed") / "project")
    import_images(project, [photos], LIMITS)
    project.database.close()
    return project


@pytest.mark.timeout(3600)
def test_a_killed_import_that_is_run_again_equals_one_that_was_never_killed(
    never_killed: ProjectFolder, photos: Path, tmp_path: Path, soak: bool
) -> None:
    chance = random.Random(0)
    interrupted = 0
    for trial in range(50 if soak else 5):
        project = init_project(tmp_path / f"project-{trial}")
        interrupted += kill_import(project, photos, chance.randrange(COUNT))
        import_images(project, [photos], LIMITS)
        project.database.close()
        assert rows(project) == rows(never_killed)
        assert stored(project.stores.images.local_root) == stored(never_killed.stores.images.local_root)
        assert stored(project.stores.views.local_root) == stored(never_killed.stores.views.local_root)
        for name, content in stored(project.stores.images.local_root).items():
            assert hashlib.sha256(content).hexdigest() == name.partition(".")[0], "a file was stored in part"
    assert interrupted > trial / 2, "too few imports were caught at work"


def kill_import(project: ProjectFolder, photos: Path, moment: int) -> bool:
    """Kill an import as soon as so many images are in the store; says whether it was still at work."""
    command = [sys.executable, "-m", "annotator", "import", str(photos), "-p", str(project.path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(
        lambda: process.poll() is not None or len(stored_names(project.stores.images.local_root)) >= moment,
        f"{moment} images are stored",
    )
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def stored_names(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*.*") if not path.name.startswith(".")]
