"""A killed export leaves a complete snapshot or none, and the next export cleans up."""

import multiprocessing
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.files import hold_folder
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.projects.snapshots import label_some

FORK = multiprocessing.get_context("fork")


def export_until(path: Path, deadly: int) -> None:
    """Export, and die without warning at the so many-th call or return of a function."""
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    project = ProjectFolder.open(path)
    sys.setprofile(count)
    export_snapshot(project, None, SnapshotOptions(images="copy"), history=True)
    sys.setprofile(None)
    (path / "steps").write_text(str(steps))


def run_until(path: Path, deadly: int) -> int | None:
    process = FORK.Process(target=export_until, args=(path, deadly))
    process.start()
    process.join(60)
    return process.exitcode


def whole(project: ProjectFolder) -> list[Path]:
    """The snapshots of the project, each checked to be whole."""
    found = [folder for folder in project.snapshots.iterdir() if not folder.name.startswith(".")]
    for folder in found:
        verify_snapshot(folder)
    return sorted(found)


@pytest.mark.soak
def test_a_killed_export_leaves_a_complete_snapshot_or_none(filled: ProjectFolder, soak: bool):
    label_some(filled)
    filled.database.close()
    assert run_until(filled.path, 0) == 0
    steps = int((filled.path / "steps").read_text())
    [first] = whole(filled)
    chance = random.Random(0)
    killed = 0
    for _ in range(200 if soak else 20):
        code = run_until(filled.path, chance.randrange(1, steps))
        assert code in {0, -signal.SIGKILL}
        killed += code != 0
        whole(filled)
    assert killed > 0
    last, manifest = export_snapshot(filled, None, SnapshotOptions(images="copy"), history=True)
    assert [path for path in filled.snapshots.iterdir() if path.name.startswith(".")] == []
    assert last in whole(filled)
    assert manifest["content_hash"] == verify_snapshot(first)["content_hash"]


def test_an_export_does_not_clean_up_a_folder_that_another_process_writes(filled: ProjectFolder):
    unfinished = filled.snapshots / ".elsewhere.unfinished"
    unfinished.mkdir(parents=True)
    with hold_folder(unfinished):
        export_snapshot(filled, None, SnapshotOptions())
        assert unfinished.is_dir()
        with pytest.raises(FacelabelError, match="being written by another process"):
            export_snapshot(filled, filled.snapshots / "elsewhere", SnapshotOptions())
    export_snapshot(filled, None, SnapshotOptions())
    assert not unfinished.exists()
