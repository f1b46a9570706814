"""A labeller in a separate process: `label` is what it does.

It asks for images and answers them until the file `stop` exists or no image is open. Before each next step it writes a line of
JSON to `log`: the images it received, the answer it sent, the acknowledgement.

`mode` is one of

- `whole`: every attribute is answered, so that the image is done;
- `slow`: like `whole`, but each answer is held back until another labeller has answered the image;
- `part`: two attributes are answered, so that images are leased again and again;
- `patient`: like `part`, but no answer is ever given up.

After a lost connection it waits for the server, and for the database if the server says that it does not answer. Then it sends
the same answer with the same key again or, at random and unless it is patient, gives the answer up and continues.
"""

import http.client
import json
import random
import sys
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

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
AWAY = "database_unreachable"
"""The code of the error that says that the server has lost its database."""


class Labeller:
    """One labeller and its log."""

    def __init__(self, port: int, log: Path, stop: Path, number: int, mode: str, token: str | None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.team, self.log = log.parent.name, log.open("a")
        self.stop = stop
        self.identity = {"Authorization": f"Bearer {token}"} if token else {}
        self.random = random.Random(number)
        self.number = number
        self.mode = mode

    def work(self) -> None:
        sent = 0
        while not self.stop.exists():
            try:
                answer = self.post("/tasks/next", {"count": 3 if self.mode in {"whole", "slow"} else 1})
            except LOST:
                self.wait_for_server()
                continue
            if not answer["tasks"] and not answer["progress"]["open"]:
                return
            for task in answer["tasks"]:
                self.note(given=task["image_id"])
                if self.mode == "slow":
                    self.wait_for_others(task["image_id"])
                sent += 1
                self.answer(task, f"{self.team}-{self.number}-{sent}")

    def answer(self, task: dict[str, Any], key: str) -> None:
        names = (
            [n for n in SIZES if SIZES[n]] if self.mode in {"whole", "slow"} else ["glasses", "hair_color"]
        )
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
                if self.mode != "patient" and self.random.random() < 0.5:
                    return
            else:
                self.note(acknowledged=key, answer=acknowledged)
                return

    def post(self, path: str, body: dict[str, Any], key: str = "none") -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self.ask("POST", path, json.dumps(body), headers)

    def ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
        try:
            self.connection.request(method, f"/api/v1{path}", body, headers | self.identity)
            answer = self.connection.getresponse()
            content = answer.read()
        except LOST:
            self.connection.close()
            raise
        if answer.status == 503 and json.loads(content)["error"]["code"] == AWAY:
            self.note(away=content.decode(), path=path)
            wait_until(lambda: self.stop.exists() or self.is_well(), "the database is back")
            raise ConnectionError(AWAY)
        if answer.status != 200:
            self.note(refused=answer.status, content=content.decode(), path=path, headers=headers)
            sys.exit(1)
        return json.loads(content)

    def wait_for_others(self, image: int) -> None:
        """Sit on an image until its lease has run out and somebody else has answered it."""

        def answered() -> bool:
            shown = self.ask("GET", f"/images/{image}", None, {})
            return self.stop.exists() or any(cell["history"] for cell in shown["cells"])

        wait_until(answered, f"somebody answered image {image}")

    def wait_for_server(self) -> None:
        wait_until(lambda: self.stop.exists() or self.reaches_server(), "the server is back")

    def is_well(self) -> bool:
        try:
            self.connection.request("GET", "/healthz")
            answer = self.connection.getresponse()
            answer.read()
        except LOST:
            self.connection.close()
            return False
        return answer.status == 200

    def reaches_server(self) -> bool:
        try:
            self.connection.connect()
        except OSError:
            return False
        return True

    def note(self, **line: Any) -> None:
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()


def label(port: int, log: Path, stop: Path, number: int, mode: str, token: str | None) -> None:
    """Label until the end; `token` is that of an account."""
    Labeller(port, log, stop, number, mode, token).work()
