"""A client that measures its own waits: `python -m benchmarks.support.client http PORT NUMBER ANSWERS` or `… sqlite FILE …`.

`http` labels as the label page does, over one kept-alive connection, without think time. `sqlite` is the baseline: it
writes the same rows to the same tables with bare SQL, one durable commit an answer, and nothing else.

It says `ready` on stdout, begins at a line on stdin, and ends with a line of JSON: the seconds that each call took, and
the images that it was given.
"""

import http.client
import json
import secrets
import socket
import sys
import time
from typing import Any

import pysqlite3

VALUES = {"wrinkles": 0, "freckles": 1, "glasses": 2, "hair_color": 3, "hair_top": 1, "not_human": 0}


class Http:
    """Asks for an image and answers it, over the API."""

    def __init__(self, port: str, _first: int, _count: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        self._connection.connect()

    def next(self) -> tuple[int, str]:
        """Lease an image."""
        task = self._post("/tasks/next", {"count": 1})["tasks"][0]
        return task["image_id"], task["lease"]

    def submit(self, image: int, lease: str) -> None:
        """Answer all six attributes."""
        self._post("/annotations", {"image_id": image, "lease": lease, "values": VALUES, "milliseconds": 900})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        # Without this the kernel may hold back acknowledgements for 40 ms, and that is what would be measured.
        if hasattr(socket, "TCP_QUICKACK"):
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        self._connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {content.decode()}")
        return json.loads(content)


class Sqlite:
    """Writes what an answer writes, and nothing else."""

    def __init__(self, path: str, first: int, count: int) -> None:
        self._database = pysqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._attributes = [
            row[0] for row in self._database.execute("SELECT id FROM attributes WHERE required")
        ]
        # Every client takes images of its own, so that no two write the same.
        ids = self._database.execute(
            "SELECT id FROM images WHERE open_cells > 0 ORDER BY id LIMIT ? OFFSET ?", (count, first)
        )
        self._ids = [row[0] for row in ids]

    def next(self) -> tuple[int, str]:
        """Take one of its own images; nothing is read."""
        return self._ids.pop(), secrets.token_urlsafe(16)

    def submit(self, image: int, lease: str) -> None:
        """Write all six answers in one transaction."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        submission = run(
            "INSERT INTO submissions (key, kind, fingerprint, labeller_id, image_id, late, milliseconds, created_at) "
            "VALUES (?, 'answer', ?, 1, ?, 0, 900, datetime('now'))",
            (lease, lease, image),
        ).lastrowid
        for attribute in self._attributes:
            annotation = run(
                "INSERT INTO annotations (submission_id, image_id, attribute_id, code, origin) "
                "VALUES (?, ?, ?, 0, 'human')",
                (submission, image, attribute),
            ).lastrowid
            run("INSERT INTO labels VALUES (?, ?, 0, ?)", (image, attribute, annotation))
        run("UPDATE images SET open_cells = 0 WHERE id = ?", (image,))
        run("UPDATE project SET done_count = done_count + 1")
        run("COMMIT")


def main() -> None:
    kind, target, number, answers = sys.argv[1:]
    client = {"http": Http, "sqlite": Sqlite}[kind](target, int(number) * int(answers), int(answers))
    print("ready", flush=True)
    sys.stdin.readline()
    waits: dict[str, list[Any]] = {"next": [], "submit": [], "images": []}
    for _ in range(int(answers)):
        started = time.perf_counter()
        image, lease = client.next()
        given = time.perf_counter()
        client.submit(image, lease)
        waits["submit"].append(time.perf_counter() - given)
        waits["next"].append(given - started)
        waits["images"].append(image)
    print(json.dumps(waits), flush=True)


if __name__ == "__main__":
    main()
