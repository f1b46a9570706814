"""Commands whose output goes nowhere, that are interrupted, or that are called with numbers that are none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call, contents
from tests.support.projects.importing import run_import


def test_an_output_that_cannot_be_written_is_told_and_the_work_is_kept(filled: ProjectFolder) -> None:
    command = [
        sys.executable,
        "-m",
        "annotator",
        "exclude",
        "0001.jpg",
        "--reason",
        "other",
        "-p",
        str(filled.path),
    ]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "The output could not be written: No space left on device." in done.stderr
    assert (
        "0 images are excluded.\n1 image was excluded before."
        in call("exclude", "0001.jpg", "--reason", "other", "-p", filled.path).out
    )


INTERRUPTED = """
import os, signal, sys
from annotator.imaging.decoder_pool import decoding_context
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"interrupted\\n"))
context = decoding_context("annotator.imaging.image_store")
os.write(1, b"started\\n")
process = context.Process(target=os.write, args=(1, b"decoded\\n"))
process.start()
process.join()
os.write(1, b"ended with %d\\n" % process.exitcode)
sys.stdin.readline()
"""


def test_decoding_processes_leave_ctrl_c_to_the_command() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] in {"started\n", "interrupted\n", "decoded\n"}:
            os.killpg(
                process.pid, signal.SIGINT
            )  # as a terminal does, while the server of forks starts and loads the decoders
            lines.append(process.stdout.readline())
        _, told = process.communicate("\n", timeout=120)  # ends when all processes have ended
    assert (lines[-1], told) == ("ended with 0\n", "")
    assert "decoded\n" in lines


@pytest.mark.parametrize("option", [("--test-share", "nan"), ("--val-share", "nan"), ("--seed", str(10**30))])
def test_a_number_that_is_none_makes_no_project(tmp_path: Path, option: tuple[str, str]) -> None:
    call("init", "-p", tmp_path / "new", *option).assert_refused(2, option[0])
    assert not (tmp_path / "new").exists()


def test_names_are_shown_as_they_are(filled: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image_name,:glasses:\n0001.jpg,[/red]\n")
    assert ":glasses:" in call("import", tmp_path / "t.csv", "-p", filled.path).err


def test_an_image_that_is_named_twice_is_excluded_once(filled: ProjectFolder) -> None:
    assert (
        call("exclude", "0002.jpg", "0002.jpg", "--reason", "other", "-p", filled.path).out
        == "1 image is excluded.\n"
    )
    assert call("include", "0002.jpg", "0002.jpg", "-p", filled.path).out == "1 image is restored.\n"


def test_a_pipe_is_no_source(filled: ProjectFolder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.csv")
    os.mkfifo(tmp_path / "1.jpg")
    before = contents(filled.path)
    call("import", tmp_path / "labels.csv", "-p", filled.path).assert_refused(2, "There is no image file")
    call("import", tmp_path / "1.jpg", "-p", filled.path).assert_refused(1, "1.jpg is not a regular file")
    assert {
        name: held for name, held in contents(filled.path).items() if not name.startswith("imports/")
    } == before


def test_a_proposed_mapping_replaces_no_file(filled: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image_name,eyewear\n0001.jpg,dark\n")
    (tmp_path / "map.toml").write_text(
        '[columns.eyewear]\nattribute = "glasses"\nvalues.dark = "sunglasses"\n'
    )
    finished = call(
        "import", tmp_path / "t.csv", "-p", filled.path, "--dry-run", "--map-out", tmp_path / "map.toml"
    )
    finished.assert_refused(2, "map.toml exists already")
    assert (
        run_import(filled, tmp_path / "t.csv", "--map", tmp_path / "map.toml")[str(tmp_path / "t.csv")][
            "labels"
        ]["added"]
        == 1
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[colums.eyewear]\nattribute = "glasses"\n', 'the mapping has "colums", and may only have columns, encoding, image, labels'),
        ('[columns.eyewear]\natribute = "glasses"\n', '[columns."eyewear"] has "atribute"'),
        ('[columns.eyewear]\nvalues = ["dark"]\n', 'values in [columns."eyewear"] must hold `name = …`, and is ["dark"]'),
        ("[columns.eyewear]\nattribute = { a = 1 }\n", 'attribute in [columns."eyewear"] must be a text'),
        ('[labels]\n"dark" = "sunglasses"\n', '"dark" in [labels] must hold `name = …`, and is "sunglasses"'),
        ("image = [1]\n", "image must be a text"),
    ],
)  # fmt: skip
def test_a_mapping_with_a_slip_is_refused_for_it(
    filled: ProjectFolder, tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "t.csv").write_text("image_name,eyewear\n0001.jpg,dark\n")
    (tmp_path / "map.toml").write_text(text)
    call("import", tmp_path / "t.csv", "-p", filled.path, "--map", tmp_path / "map.toml").assert_refused(
        1, reason
    )


def test_snapshots_that_were_changed_are_not_compared(filled: ProjectFolder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        call("export", "-p", filled.path, "--to", tmp_path / name).assert_done()
    with (tmp_path / "b" / "labels.csv").open("a") as labels:
        labels.write("x\n")
    call("diff", tmp_path / "a", tmp_path / "b").assert_refused(1, "labels.csv was changed")
