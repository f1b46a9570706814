"""Trainers in other processes read images that are in object storage: the worker fetches them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from annotator.config import Settings
from annotator.files import hold_folder, shard_path
from annotator.imaging.trainer_files import fetching_for_trainers
from annotator.models import Round
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.importing.labels import import_labels
from annotator.services.rounds.jobs import start_round
from annotator.worker import run_next_round
from tests.support.projects.images import hashes_of, import_images
from tests.support.storage.s3 import S3Server

READ = """
import sys
from pathlib import Path
from trainer.pixels.files import read_image_file
for name in sys.argv[1:]:
    try:
        print(len(read_image_file(Path(name))))
    except OSError as error:
        print(type(error).__name__, error)
"""


def read_elsewhere(environment: dict[str, str], *paths: Path) -> list[str]:
    """What another process that knows no store says of these files: their size, or its error."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-c", READ, *map(str, paths)]
    told = subprocess.run(command, env=known | environment, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def test_another_process_reads_them_and_is_told_what_is_wrong(stored: ProjectFolder, s3: S3Server):
    shutil.rmtree(stored.cache)
    root = stored.stores.images.local_root
    first, second, third = (shard_path(root, sha256, "png") for sha256 in hashes_of(stored))
    with fetching_for_trainers(stored.stores) as environment:
        missing = first.with_name(f"{'0' * 64}.png")
        sizes = read_elsewhere(environment, first, second, missing, root / "facelabel.db")
        assert [int(size) for size in sizes[:2]] == [first.stat().st_size, second.stat().st_size]
        assert all(line.startswith("FileNotFoundError") for line in sizes[2:])
        s3.stop()
        try:
            [told] = read_elsewhere(environment, third)
            assert "cannot be used now" in told
        finally:
            s3.start()
    [told] = read_elsewhere(environment, third)
    assert "FileNotFoundError" in told, "nobody fetches any more"


def test_what_a_killed_worker_left_in_the_temporary_folder_is_removed(
    stored: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, used = tmp_path / "facelabel-fetch-left", tmp_path / "facelabel-fetch-used"
    for folder in (left, used):
        folder.mkdir()
        os.utime(folder, (0, 0))
    with hold_folder(used), fetching_for_trainers(stored.stores):
        assert not left.exists()
        assert used.exists()
    assert list(tmp_path.glob("facelabel-*")) == [used]


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_processes_train_from_a_store(stored: ProjectFolder, faces: Path, tmp_path: Path, soak: bool):
    if not soak:
        pytest.skip("make soak runs it: it trains the network of the default preset")
    import_images(stored, [faces])
    (tmp_path / "labels.csv").write_text(
        "".join((faces / "answers.csv").read_text().splitlines(keepends=True)[:31])
    )
    import_labels(stored, tmp_path / "labels.csv")
    shutil.rmtree(stored.cache)
    with stored.database.write() as session:
        number = start_round(session, "cnn", "margin", 2).id
    assert run_next_round(stored, Settings(), RoundSnapshots(stored))
    with stored.database.read() as session:
        row = session.get_one(Round, number)
        assert (row.state, row.error) == ("done", None)
