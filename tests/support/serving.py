"""A real `facelabel serve` process, and a small client of its API."""

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, Self

import requests

from tests.support.forked import Command

_ADDRESS = re.compile(r"at (http://[\d.]+:(\d+))/")


class Server:
    """A server process; the port is free at the first start and kept at later ones.

    It is forked from a process that has loaded the product, unless it is to be `bare`: then Python starts, as for a user,
    and nothing is loaded but what serving loads.
    """

    def __init__(self, project: Path, *, bare: bool = False, **environment: str) -> None:
        self.project = project
        self._bare = bare
        self.port = 0
        self.url = ""
        # The worker, face detection and automatic rounds would only slow down tests of other subjects.
        off = {"FACELABEL_WORKER": "0", "FACELABEL_FACES": "0", "FACELABEL_ROUND_EVERY": "0"}
        off |= {"FACELABEL_START_TOKEN": "0"}  # programs and pages ask without it
        self._environment = {**os.environ, **off, **environment}
        self._process: Command | subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the server says where it listens."""
        self._process = self._launch()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _ADDRESS.search(line):
                self.url, self.port = found[1], int(found[2])
                # Whatever else it prints is drained, so that it never waits for a reader.
                threading.Thread(target=_drain, args=(self._process.stdout,), daemon=True).start()
                return
        raise AssertionError(f"the server ended with {self._process.wait()} before it listened")

    def _launch(self) -> Command | subprocess.Popen[str]:
        arguments = ["serve", "-p", str(self.project), "--port", str(self.port)]
        environment = self._environment | {"PYTHONUNBUFFERED": "1"}
        folder = self.project  # not the checkout: what is installed is what runs
        if not self._bare:
            return Command(arguments, folder, environment)
        command = [sys.executable, "-m", "annotator", *arguments]
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Send a signal and wait for the end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(120)
        self._process = None

    def client(self) -> "Client":
        return Client(self.url)


def _drain(stream: IO[str]) -> None:
    """Read until nobody can write any more: a worker may outlive its killed server by a moment."""
    with stream:
        stream.read()


class Client:
    """What the label page says to the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.session.post(f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=60)

    def get(self, path: str) -> Any:
        answer = self.session.get(f"{self.url}/api/v1{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def next(self, count: int = 1, **more: Any) -> dict[str, Any]:
        answer = self.post("/tasks/next", {"count": count, **more})
        answer.raise_for_status()
        return answer.json()

    def answer(self, task: dict[str, Any], values: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        body = {"image_id": task["image_id"], "lease": task["lease"], "values": values}
        answer = self.post("/annotations", body, key or secrets.token_hex(16))
        answer.raise_for_status()
        return answer.json()
