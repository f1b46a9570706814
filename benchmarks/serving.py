"""How soon `facelabel serve` answers, what its processes hold in memory, and where they listen.

The baseline is the smallest program of its kind, Flask's hello behind the same web server, started the same way.
"""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.projects import init_project
from benchmarks.support.report import Figures, Size
from tests.support.projects.images import import_images
from tests.support.serving import Client

HELLO = """
import sys
from flask import Flask
from waitress import serve
app = Flask("hello")
app.add_url_rule("/healthz", view_func=lambda: {"status": "ok"})
serve(app, host="127.0.0.1", port=int(sys.argv[1]))
"""


def measure(size: Size) -> Figures:
    starts = 2 if size == "small" else 7
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        served = [measure_start(serve_command(project)) for _ in range(starts)]
        hello = [measure_start([sys.executable, "-c", HELLO]) for _ in range(starts)]
    return {
        "seconds from the process's start to the first 200 of /healthz": [
            seconds_row("facelabel serve", served),
            seconds_row("Flask and waitress, nothing else", hello),
        ],
        "resident memory, MiB": [
            {"program": "facelabel serve", **memory_row(served)},
            {"program": "Flask and waitress, nothing else", **memory_row(hello)},
        ],
        "listening addresses of the server and its worker": [
            {"address": address} for address in sorted({a for start in served for a in start["addresses"]})
        ],
    }


def make_project(folder: Path) -> ProjectFolder:
    draw_faces(folder / "faces", 20, size=96)
    project = init_project(folder / "project")
    import_images(project, [folder / "faces"], Limits(64_000_000, 2**27))
    project.database.checkpoint()
    project.database.close()
    return project


def serve_command(project: ProjectFolder) -> list[str]:
    return [sys.executable, "-m", "annotator", "serve", "-p", str(project.path), "--port"]


def measure_start(command: list[str]) -> dict[str, Any]:
    """Start a server on a free port, time its first answer, use it a little, look at it, and end it."""
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"FACELABEL_START_TOKEN": "0"},
    )
    try:
        while not answers(port):
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise SystemExit(f"{command[1:]} does not serve")
        seconds = time.perf_counter() - started
        watched = psutil.Process(process.pid)
        fresh = watched.memory_info().rss
        if "serve" in command:
            label_some(port)
        family = [watched, *watched.children(recursive=True)]
        return {
            "seconds": seconds,
            "fresh": fresh,
            "used": watched.memory_info().rss,
            "worker": sum(child.memory_info().rss for child in family[1:]),
            "addresses": [
                f"{connection.laddr.ip}" for member in family for connection in member.net_connections("all")
                if connection.status == psutil.CONN_LISTEN
            ],
        }  # fmt: skip
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def label_some(port: int) -> None:
    """A hundred requests as the label page makes them: pages, tasks, views."""
    client = Client(f"http://127.0.0.1:{port}")
    for _ in range(20):
        for task in client.next(1)["tasks"]:
            client.session.get(client.url + task["image_url"], timeout=30).raise_for_status()
            client.answer(task, {"glasses": 0})
        client.session.get(f"{client.url}/", timeout=30).raise_for_status()
        client.get("/progress")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def seconds_row(program: str, starts: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [start["seconds"] for start in starts]
    return {
        "program": program,
        "starts": len(seconds),
        "fastest": round(min(seconds), 3),
        "median": round(statistics.median(seconds), 3),
        "slowest": round(max(seconds), 3),
    }


def memory_row(starts: list[dict[str, Any]]) -> dict[str, float]:
    return {
        "fresh": round(statistics.median(s["fresh"] for s in starts) / 2**20, 1),
        "after 100 requests": round(statistics.median(s["used"] for s in starts) / 2**20, 1),
        "worker": round(statistics.median(s["worker"] for s in starts) / 2**20, 1),
    }
