"""`facelabel up SOURCE`: from any source to the label page in one command."""

import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import call, contents, run
from tests.support.projects.importing import make_video
from tests.support.serving import Client


def test_up_takes_an_archive_and_a_video_and_serves_them(faces: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for number in (1, 2, 3):
            archive.write(faces / f"{number:04d}.jpg", f"party/{number}.jpg")
    make_video(tmp_path / "walk.mp4")
    command = [sys.executable, "-m", "annotator", "up", "faces.zip", "walk.mp4", "-p", "new", "--port", "0", "--no-open"]  # fmt: skip
    environment = os.environ | {"FACELABEL_WORKER": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        said = []
        address = None
        while address is None:
            line = running.stdout.readline()
            assert line, f"it ended: {said}"
            said.append(line)
            address = re.search(r"at (http://[\d.]+:\d+)/", line)
        assert Client(address[1]).get("/progress")["images"] == 5
        named = {task["image_name"] for task in Client(address[1]).next(5)["tasks"]}
        assert named >= {"1.jpg", "walk.mp4/000000.000.jpg"}
        running.terminate()
        running.stdout.read()
    assert "faces.zip: read as archive of folder\n" in said
    assert "walk.mp4: read as video\n" in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("broken.zip", b"garbage", "cannot be unpacked"),
        ("broken.mp4", b"garbage", "cannot be read"),
        ("labels.csv", b"image_name,glasses\na.jpg,none\n", "No row of labels.csv names an image"),
    ],
)
def test_up_leaves_nothing_of_a_source_that_holds_no_image(
    tmp_path: Path, name: str, content: bytes, told: str
):
    (tmp_path / name).write_bytes(content)
    new = tmp_path / "new" / "deep"
    call("up", tmp_path / name, "-p", new, "--port", "0", "--no-open").assert_refused(1, told)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_up_leaves_a_folder_that_was_there_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "sea.txt").write_text("mine")
    (tmp_path / "broken.jpg").write_bytes(b"garbage")
    (tmp_path / "broken.zip").write_bytes(b"garbage")
    before = contents(tmp_path)
    monkeypatch.chdir(tmp_path)
    for source in ("broken.zip", "broken.jpg", "."):
        call("up", source, "--no-open").assert_refused(
            1, "could be imported" if source != "broken.zip" else "unpacked"
        )
        assert contents(tmp_path) == before


def test_up_keeps_a_project_that_was_there(tmp_path: Path):
    call("init", "-p", tmp_path / "mine").assert_done()
    (tmp_path / "broken.zip").write_bytes(b"garbage")
    call("up", tmp_path / "broken.zip", "-p", tmp_path / "mine", "--no-open").assert_refused(1, "unpacked")
    assert (tmp_path / "mine" / "facelabel.db").exists()


def test_up_draws_samples_and_says_nothing_of_their_answers(tmp_path: Path):
    with socket.socket() as other:  # it occupies the port, so the command ends
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("up", "--samples", "3", "-p", tmp_path / "new", "--port", port, "--no-open")
    done.assert_refused(1, "already listens")
    assert "3 images imported, 0 imported before, 0 duplicates, 0 refused, 0 other files" in done.out
    assert "labels" not in done.err
    assert (tmp_path / "new" / "samples" / "answers.csv").is_file()
