"""Ways to stop the server, each against a real one: somebody who labels beside is served as before."""

import secrets
import threading
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
import requests

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.importing.uploads import PIECE_BYTES
from tests.support.hostile.attacker import ASK, Attacker, connections_of, post, temporary_bytes
from tests.support.hostile.attacks import (
    BYTES,
    IMPORTS,
    bodies,
    half_sent,
    half_uploaded,
    idle,
    pipelined,
    unread,
)
from tests.support.projects.labelling import ALL
from tests.support.serving import Client, Server
from tests.support.waiting import wait_until


@pytest.fixture
def attacker(server: Server) -> Iterator[Attacker]:
    with Attacker(server) as one:
        yield one


def label(server: Server) -> None:
    """Somebody new opens a connection, labels an image and undoes it; 20 seconds without an answer fail."""
    client: Client = server.client()
    [task] = client.next()["tasks"]
    key = secrets.token_hex(8)
    client.answer(task, ALL, key)
    client.post("/annotations/undo", {"submission": key}, secrets.token_hex(8)).raise_for_status()
    client.session.close()


@pytest.mark.parametrize("attack", [pipelined, half_sent, idle, unread, half_uploaded])
def test_connections_that_are_held_keep_nobody_out(
    server: Server, attacker: Attacker, soak: bool, attack: Callable[[Attacker, int], None]
):
    label(server)
    attack(attacker, 10 if soak else 1)
    for _ in range(3):
        label(server)
    assert requests.get(f"{server.url}/healthz", timeout=60).ok


def test_bodies_of_a_gigabyte_disturb_nobody(server: Server, attacker: Attacker, soak: bool):
    with bodies(attacker, 4) as sent:
        wait_until(lambda: sent() >= (400 if soak else 40), "bodies are refused again and again")
        label(server)
        assert temporary_bytes(server.pid) == 0
    assert requests.get(f"{server.url}/healthz", timeout=60).ok


def test_more_connections_than_the_server_takes_only_end_quiet_ones(server: Server, attacker: Attacker):
    first = attacker.connect()
    with requests.Session() as working:
        for _ in range(10):
            attacker.many(100)
            assert working.get(f"{server.url}/healthz", timeout=60).ok
    assert first.recv(1) == b"", "the one that was quiet for longest"
    label(server)
    assert connections_of(server.pid) <= 1000


def test_requests_that_are_sent_ahead_are_dropped_after_the_first(server: Server, attacker: Attacker):
    one = attacker.connect(ASK.replace(b"/api/v1/openapi.json", b"/healthz") * 3)
    answer = b"".join(iter(lambda: one.recv(2**16), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("path", "kind", "announced"),
    [
        ("/api/v1/annotations", "application/json", 2**20 + 1),
        ("/api/v1/annotations", "application/json", 10**9),
        ("/nowhere", "application/json", 10**9),
        (IMPORTS, BYTES, PIECE_BYTES + 1),
        (IMPORTS, BYTES, 10**9),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_comes(
    server: Server, attacker: Attacker, path: str, kind: str, announced: int
):
    answer = attacker.connect(post(path, announced, kind)).recv(2**16)
    assert answer.startswith(b"HTTP/1.1 413 ")
    chunked = post(path, 0, kind).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    one = attacker.connect(chunked)
    with pytest.raises(OSError):  # the server has answered and closed the connection
        one.sendall((b"10000\r\n" + b"a" * 2**16 + b"\r\n") * 300)
    assert temporary_bytes(server.pid) == 0
    label(server)


def test_bodies_that_do_not_end_fill_no_disk(server: Server, attacker: Attacker):
    """More than the disk may hold is refused, and answers to images still come through."""
    held = attacker.many(31, post(IMPORTS, PIECE_BYTES, BYTES))
    last = attacker.many(2, post(IMPORTS, PIECE_BYTES, BYTES))[-1]
    assert last.recv(2**16).startswith(b"HTTP/1.1 503 ")
    label(server)
    for one in held:
        one.close()
    wait_until(lambda: upload(server).status_code == 201, "the room is free again")


def upload(server: Server) -> requests.Response:
    headers = {"Content-Type": BYTES, "Idempotency-Key": secrets.token_hex(8)}
    address = f"{server.url}/api/v1/imports?name=a.bin&bytes={PIECE_BYTES + 1}"
    return requests.post(address, data=b"a" * PIECE_BYTES, headers=headers, timeout=60)


@pytest.fixture
def large(filled: ProjectFolder) -> str:
    """The name of a snapshot with a file of 300 MB, more than the server keeps of an answer."""
    folder, _ = export_snapshot(filled, None, SnapshotOptions())
    with (folder / "large.bin").open("wb") as file:
        file.truncate(300 * 10**6)
    return folder.name


def test_downloads_that_nobody_reads_wait_outside_of_threads_and_disks(
    large: str, server: Server, attacker: Attacker, soak: bool
):
    ask = f"GET /snapshots/{large}/zip HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    unread = attacker.many(40 if soak else 10, ask, buffer=4096)
    assert all(one.recv(12) == b"HTTP/1.1 200" for one in unread)
    label(server)
    assert temporary_bytes(server.pid) < 10 * 2**20


def test_a_download_has_its_size_and_every_byte(server: Server, filled: ProjectFolder):
    folder, _ = export_snapshot(filled, None, SnapshotOptions())
    with requests.get(f"{server.url}/snapshots/{folder.name}/zip", timeout=60) as answer:
        assert int(answer.headers["Content-Length"]) == len(answer.content)
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        for path in (path for path in folder.rglob("*") if path.is_file()):
            assert archive.read(f"{folder.name}/{path.relative_to(folder).as_posix()}") == path.read_bytes()


def test_large_requests_leave_threads_for_everybody_else(server: Server, filled: ProjectFolder):
    """Many at once are refused with the time to wait, whatever they are, and nothing else is."""
    statuses: list[tuple[int, str | None]] = []

    def ask() -> None:
        answer = requests.post(f"{server.url}/api/v1/snapshots", json={"names": False}, timeout=60)
        statuses.append((answer.status_code, answer.headers.get("Retry-After")))

    with filled.database.write():  # a snapshot's record waits for it
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(statuses) == 10, "all but two are refused")
        assert requests.get(f"{server.url}/api/v1/progress", timeout=60).ok
    for thread in threads:
        thread.join()
    assert statuses[:10] == [(429, "1")] * 10
    assert 429 not in dict(statuses[10:])
    label(server)
