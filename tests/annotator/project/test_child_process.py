"""A child process can be paused and resumed, and ends with its parent even while paused."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from annotator.child_process import ChildProcess
from tests.support.waiting import wait_until

SERVING = ["0", "--bind", "127.0.0.1"]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    return tmp_path / "log"


def child_of(parent: psutil.Process) -> psutil.Process:
    """The child process under test; a test process has further children."""
    [child] = [child for child in parent.children() if "http.server" in child.cmdline()]
    return child


def test_it_rests_while_it_is_paused_and_ends_even_so(log: Path):
    started = ChildProcess("http.server", SERVING, log)
    process = child_of(psutil.Process())
    wait_until(lambda: "Serving HTTP" in log.read_text(), "it works")
    started.pause()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "it rests")
    assert started.running
    started.resume()
    wait_until(lambda: process.status() != psutil.STATUS_STOPPED, "it goes on")
    started.pause()
    started.end()
    assert not started.running
    started.resume()  # nobody is there: nothing happens


def test_it_ends_with_its_parent_although_it_is_paused(log: Path):
    code = (
        "import sys; from pathlib import Path; from annotator.child_process import ChildProcess\n"
        f"started = ChildProcess('http.server', {SERVING}, Path({str(log)!r}))\n"
        "sys.stdin.readline(); started.pause(); print('paused', flush=True); sys.stdin.readline()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        wait_until(lambda: log.exists() and "Serving HTTP" in log.read_text(), "it works")
        process = child_of(psutil.Process(parent.pid))
        parent.stdin.write("\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "paused\n"
        parent.kill()
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "its end")


def test_a_failure_stands_in_the_log(log: Path):
    failed = ChildProcess("no_such_module", [], log)
    wait_until(lambda: not failed.running, "its end")
    assert "no_such_module" in log.read_text()
