"""A labeller as a process of its own: `python -m tests.loop.labeller PORT LOG STOP NUMBER MODE`.

It asks for work and answers until the file STOP exists or nothing is open any more, and writes down what it was given,
what it sent and what was acknowledged, a line of JSON each, before it goes on.

MODE is `whole` (every attribute is answered, so that the image is done) or `part` (two attributes, so that images are
given out again and again). After a lost connection it waits for the server; then it sends the same answer with the same
key again, or gives it up and goes on, at random.
"""

import http.client
import json
import random
import sys
from pathlib import Path
from typing import Any

from tests.loop.waiting import wait_until

SIZES = {
    "wrinkles": 2,
    "freckles": 2,
    "glasses": 3,
    "hair_color": 9,
    "hair_top": 4,
    "not_human": 2,
    "identity": 0,
}
LOST = (OSError, http.client.HTTPException)


class Labeller:
    """One labeller and its log."""

    def __init__(self, port: int, log: Path, stop: Path, number: int, mode: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.log = log.open("a")
        self.stop = stop
        self.random = random.Random(number)
        self.number = number
        self.mode = mode

    def work(self) -> None:
        sent = 0
        while not self.stop.exists():
            try:
                answer = self.post("/tasks/next", {"count": 1 if self.mode == "part" else 3})
            except LOST:
                self.wait_for_server()
                continue
            if not answer["tasks"] and not answer["progress"]["open"]:
                return
            for task in answer["tasks"]:
                self.note(given=task["image_id"])
                sent += 1
                self.answer(task, f"labeller-{self.number}-{sent}")

    def answer(self, task: dict[str, Any], key: str) -> None:
        names = ["glasses", "hair_color"] if self.mode == "part" else [n for n in SIZES if SIZES[n]]
        body = {
            "image_id": task["image_id"],
            "lease": task["lease"],
            "values": {name: self.random.randrange(SIZES[name]) for name in names},
        }
        self.note(sent=key, body=body)
        while True:
            try:
                acknowledged = self.post("/annotations", body, key)
            except LOST:
                self.wait_for_server()
                if self.random.random() < 0.5:
                    return
            else:
                self.note(acknowledged=key, answer=acknowledged)
                return

    def post(self, path: str, body: dict[str, Any], key: str = "none") -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            self.connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except LOST:
            self.connection.close()
            raise
        if answer.status != 200:
            self.note(refused=answer.status, content=content.decode(), body=body, key=key)
            sys.exit(1)
        return json.loads(content)

    def wait_for_server(self) -> None:
        wait_until(lambda: self.stop.exists() or self.reaches_server(), "the server is back", 120)

    def reaches_server(self) -> bool:
        try:
            self.connection.connect()
        except OSError:
            return False
        return True

    def note(self, **line: Any) -> None:
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


if __name__ == "__main__":
    port, log, stop, number, mode = sys.argv[1:]
    Labeller(int(port), Path(log), Path(stop), int(number), mode).work()
