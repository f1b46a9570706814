"""What operators see: the health, the metrics, the log, a stop that lets requests finish, and a start that looks for damage."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from annotator.project import ProjectFolder
from tests.support.commands import run
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.serving import Server
from tests.support.waiting import wait_until


def get(server: Server, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{server.url}{path}", headers=headers, timeout=60, allow_redirects=False)


def values(answer: requests.Response) -> dict[str, float]:
    """The metrics by name and labels."""
    assert answer.status_code == 200
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.database_file
def test_the_health_is_told_to_any_host_and_fails_with_the_database(server: Server, filled: ProjectFolder):
    healthy = get(server, "/healthz", Host="10.0.0.7:9000")
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})
    assert get(server, "/api/v1/progress", Host="10.0.0.7:9000").status_code == 403
    moved = filled.database_file.rename(filled.path / "moved")
    ill = get(server, "/healthz")
    assert (ill.status_code, ill.json()["error"]["code"]) == (503, "database_failed")
    moved.rename(filled.database_file)
    assert get(server, "/healthz").status_code == 200


def test_the_metrics_count_requests_by_route_and_tell_the_queue(server: Server):
    client = server.client()
    [task] = client.next()["tasks"]
    client.answer(task, {"glasses": 1})
    get(server, f"/media/{'0' * 64}.jpg")
    get(server, "/nothing/here")
    told = values(get(server, "/metrics"))
    assert told["facelabel_requests_total POST /api/v1/annotations 200"] == 1
    assert told["facelabel_requests_total GET /media/<sha256>.jpg 404"] == 1
    assert told["facelabel_requests_total any none 404"] == 1
    assert told["facelabel_request_seconds_count /api/v1/tasks/next"] == 1
    assert told["facelabel_images"] == told["facelabel_images_open"] == 40
    assert told["facelabel_images_done"] == 0
    assert told["facelabel_disk_free_bytes"] > 0
    assert told["facelabel_database_bytes database"] > 0


def test_with_accounts_only_an_admin_reads_the_metrics(filled: ProjectFolder):
    for name, role in (("Ada", "admin"), ("Lea", "labeller")):
        users_command(filled.path, "add", name, "--role", role, password=PASSWORD)
    tokens = {name: users_command(filled.path, "token", name).split()[-1] for name in ("Ada", "Lea")}
    with Server(filled.path) as server:
        assert get(server, "/metrics").status_code == 401
        assert get(server, "/metrics", Authorization=f"Bearer {tokens['Lea']}").status_code == 403
        assert (
            values(get(server, "/metrics", Authorization=f"Bearer {tokens['Ada']}"))["facelabel_images"] == 40
        )
        assert get(server, "/healthz").status_code == 200


def test_every_answer_has_the_id_of_its_request(server: Server):
    assert (
        get(server, "/healthz", **{"X-Request-ID": "from-a-proxy.7"}).headers["X-Request-ID"]
        == "from-a-proxy.7"
    )
    made = {get(server, "/healthz").headers["X-Request-ID"] for _ in range(3)}
    assert len(made) == 3
    assert get(server, "/healthz", **{"X-Request-ID": 'a" b'}).headers["X-Request-ID"] != 'a" b'


@pytest.fixture
def logging_server(filled: ProjectFolder) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server whose log can be read, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "annotator", "serve", "-p", filled.path, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=filled.path,
        env={"FACELABEL_WORKER": "0", "FACELABEL_LOG": "json", "PYTHONUNBUFFERED": "1", **os.environ},
    )  # fmt: skip
    assert process.stdout is not None
    with process:
        yield process, process.stdout.readline().split(" at ")[1].split("/ ")[0]
        process.kill()


def test_the_log_has_a_line_of_json_for_each_request(logging_server: tuple[subprocess.Popen[str], str]):
    process, url = logging_server
    requests.get(f"{url}/healthz", headers={"X-Request-ID": "mine"}, timeout=60)
    requests.get(f"{url}/media/x.jpg?secret=1", timeout=60)
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    first, second = (json.loads(line) for line in log.splitlines())
    assert (first["request_id"], first["route"], first["status"], first["method"]) == (
        "mine",
        "/healthz",
        200,
        "GET",
    )
    assert first["time"].endswith("+00:00")
    assert first["milliseconds"] >= 0
    assert second["status"] == 404
    assert "secret" not in log


def test_a_stopped_server_finishes_the_requests_that_have_begun(server: Server):
    body = json.dumps({"count": 1}).encode()
    head = f"POST /api/v1/tasks/next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", server.port)) as begun,
        socket.create_connection(("127.0.0.1", server.port)) as idle,
    ):
        begun.sendall(head.encode() + body[:5])
        get(server, "/healthz")  # the half request has arrived before
        server._process.send_signal(signal.SIGTERM)
        idle.settimeout(60)
        assert idle.recv(1) == b"", "an idle connection is kept"
        wait_until(lambda: is_refused(server.port), "new connections are refused")
        begun.sendall(body[5:])
        begun.settimeout(60)
        answer = b"".join(iter(lambda: begun.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"tasks":[{' in answer.replace(b" ", b"").replace(b"\n", b"")
    assert server._process.wait(120) == 0
    server.start()


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


@pytest.mark.database_file
def test_a_server_of_a_damaged_database_does_not_start(filled: ProjectFolder, soak: bool):
    filled.database.checkpoint()
    filled.database.close()
    [image, *_] = filled.stores.images.local_root.glob("*/*.jpg")
    place = filled.database_file.read_bytes().index(image.stem.encode()) // 4096
    with filled.database_file.open("r+b") as file:
        file.seek(4096 * place)
        file.write(b"\xff" * 4096)
    for processes in ("1", "2") if soak else ("1",):
        more = {"FACELABEL_WORKER": "0", "FACELABEL_PROCESSES": processes}
        run("serve", "-p", filled.path, "--port", "0", **more).assert_refused(1, "damaged", "restore")
