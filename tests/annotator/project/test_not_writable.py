"""A project that the user may not write to: every command says so, and calls nothing damaged."""

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def as_others() -> None:
    """Let root's next program respect who may write where, as those of all others do."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "annotator", *map(str, arguments)]
    return subprocess.run(
        command, preexec_fn=as_others, check=False, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def read_only(filled: ProjectFolder) -> Iterator[Path]:
    """A project in a folder that its owner may only read, as on a disk that is mounted so."""
    filled.database.close()
    filled.path.chmod(0o500)
    yield filled.path
    filled.path.chmod(0o700)


@pytest.mark.parametrize("command", [("status",), ("export",), ("serve", "--port", "0")])
def test_every_command_says_who_may_not_write_where(read_only: Path, command: tuple[str, ...]):
    told = run(*command, "-p", read_only)
    assert told.returncode == 1
    assert f"may not write to {read_only}. Every command needs that" in told.stderr
    assert f"`cp -r {read_only} COPY`" in told.stderr
    assert "Traceback" not in told.stderr


def test_doctor_calls_no_part_of_it_damaged(read_only: Path):
    told = run("doctor", "-p", read_only)
    assert told.returncode == 1
    [failed] = [line for line in told.stdout.splitlines() if line.startswith("✗")]
    assert f"may not write to {read_only}" in failed


def test_a_copy_of_it_can_be_used(read_only: Path):
    copy = read_only.with_name("copy")
    shutil.copytree(read_only, copy)
    copy.chmod(0o700)
    assert "40 images" in run("status", "-p", copy).stdout
