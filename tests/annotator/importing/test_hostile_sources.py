"""Hostile files given to every reader as its format, and the limits of memory and time."""

import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import psutil
import pytest

from annotator.errors import FacelabelError
from annotator.formats.import_formats import READERS
from annotator.formats.importers.video import VideoOptions
from annotator.formats.importers.video import read as read_video
from annotator.services.projects import init_project

pytestmark = pytest.mark.shared

ALLOWED_SECONDS = 10
ALLOWED_GROWTH = 200 * 2**20
ALIKE = re.compile(r"(Landscape|Portrait)_[2-8]\.jpg")
"""Photos that differ in their EXIF orientation only, as their siblings do."""
QUICK = {"bomb_500MB.zip", "header_lies_2g.png", "6000x4000.jpg"}


@pytest.fixture(scope="module")
def hostile(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    with tarfile.open(shared / "hostile-files.tar") as archive:
        archive.extractall(folder, filter="data")
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_or_refuses_a_hostile_file(hostile: list[Path], name: str, soak: bool):
    refused = []
    for path in hostile:
        if ALIKE.fullmatch(path.name) and not soak:
            continue
        try:
            READERS[name].recognise(path)
            READERS[name].read(path)
        except FacelabelError as error:
            refused.append(error.what)
    assert len(refused) > len(hostile) / 2, "such a reader takes anything"
    assert all(refused)


def test_a_hostile_file_is_refused_as_a_video(hostile: list[Path], tmp_path: Path):
    for path in hostile:
        if path.suffix.lower() in {".jpg", ".png", ".csv", ".zip"}:
            with pytest.raises(FacelabelError, match="cannot be read"):
                read_video(path, tmp_path, VideoOptions())


def import_measured(project: Path, path: Path) -> tuple[float, int]:
    """Import a file; return the CPU time and the peak memory of the command with its processes."""
    command = [sys.executable, "-m", "annotator", "import", str(path), "-p", str(project)]
    told = project.parent / "told.txt"
    with told.open("w") as file:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
    seconds: dict[int, float] = {}
    most = 0
    while process.poll() is None:
        memory = 0
        for one in (process, *process.children(recursive=True)):
            try:
                times = one.cpu_times()
                seconds[one.pid] = times.user + times.system
                memory += one.memory_full_info().pss
            except psutil.Error:
                continue
        most = max(most, memory)
        time.sleep(0.01)  # between two looks: nothing waits for it
    assert "Traceback" not in told.read_text()
    assert process.returncode in {0, 1, 2}
    return sum(seconds.values()), most


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_hostile_file_exhausts_the_machine(hostile: list[Path], faces: Path, soak: bool, tmp_path: Path):
    project = init_project(tmp_path / "project")
    project.database.close()
    shutil.copy(faces / "0001.jpg", tmp_path)
    _, usual = import_measured(project.path, tmp_path / "0001.jpg")
    taken = {path.name: import_measured(project.path, path) for path in hostile if soak or path.name in QUICK}
    assert len(taken) >= len(QUICK)
    assert {name: seconds for name, (seconds, _) in taken.items() if seconds > ALLOWED_SECONDS} == {}
    assert {name: most - usual for name, (_, most) in taken.items() if most - usual > ALLOWED_GROWTH} == {}
