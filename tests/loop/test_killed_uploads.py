"""An upload whose server is killed and that is resumed ends like an upload that was never interrupted."""

import random
import secrets
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from annotator.project import ProjectFolder
from tests.support.serving import Server

PIECE = 2**18
PIECES = 24


def send(server: Server, content: bytes, key: str, sent: Callable[[int], None]) -> int:
    """Send a file as the page does, from where the server says that it stopped; returns the number of the import."""
    place = f"{server.url}/api/v1/imports"
    headers = {"Content-Type": "application/octet-stream"}
    query = {"name": "film.bin", "bytes": len(content), "dry_run": 1}
    first = headers | {"Idempotency-Key": key}
    row = requests.post(place, content[:PIECE], params=query, headers=first, timeout=60).json()
    while row["state"] == "receiving":
        offset = row["received"]
        sent(offset)
        piece, where = content[offset : offset + PIECE], f"{place}/{row['id']}/content?offset={offset}"
        row = requests.post(where, piece, headers=headers, timeout=60).json()
    return row["id"]


@pytest.mark.timeout(1800)
def test_a_killed_upload_that_is_resumed_has_every_byte(project: ProjectFolder, soak: bool):
    chance = random.Random(0)
    content = chance.randbytes(PIECES * PIECE - 1000)
    interrupted = 0
    with Server(project.path) as server:
        for _trial in range(50 if soak else 2):
            key, number = secrets.token_hex(8), 0
            moment, wait = chance.randrange(1, PIECES - 3) * PIECE, chance.uniform(0, 0.02)
            killer = threading.Timer(wait, server.stop, [signal.SIGKILL])

            def kill_soon(offset: int, killer: threading.Timer = killer, moment: int = moment) -> None:
                if offset >= moment and not killer.ident:
                    killer.start()

            try:
                number = send(server, content, key, kill_soon)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                interrupted += 1
            killer.join()
            server.start()
            assert number in {0, send(server, content, key, lambda _: None)}
            (row, *_) = server.client().get("/imports")["imports"]
            assert (row["received"], row["state"]) == (len(content), "queued")
            assert kept(server.project, row["id"]) == content
            server.client().post(f"/imports/{row['id']}/discard", {})
    assert interrupted > _trial / 2, "too few uploads were caught under way"


def kept(project: Path, number: int) -> bytes:
    return (project / "uploads" / f"upload-{number:06d}" / "film.bin").read_bytes()
