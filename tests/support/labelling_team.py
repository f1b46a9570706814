"""Labellers that work at the same time in separate processes, and their logs."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from annotator.project import ProjectFolder
from tests.support.forked import processes
from tests.support.labeller import label
from tests.support.projects.database_checks import annotations_by_key, assert_counts_are_right
from tests.support.serving import Client
from tests.support.waiting import wait_until


class Team:
    """Labeller processes against one server, eight unless told; see `labeller`. `tokens`: one for each of the first."""

    def __init__(self, folder: Path, port: int, mode: str, size: int = 8, tokens: Sequence[str] = ()) -> None:
        folder.mkdir()
        whose = dict(zip(range(size), tokens, strict=False))
        self.stop_file = folder / "stop"
        self.logs = [folder / f"{number}.jsonl" for number in range(size)]
        for log in self.logs:
            log.touch()
        self._read = dict.fromkeys(self.logs, 0)
        self._acknowledged = 0
        self.processes = [
            processes().Process(
                target=label, args=(port, log, self.stop_file, number, mode, whose.get(number))
            )
            for number, log in enumerate(self.logs)
        ]
        for process in self.processes:
            process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.join()

    def stop(self) -> None:
        """Let every labeller finish what it is at, and check that none was refused anything."""
        self.stop_file.touch()
        self.finish(30)

    def finish(self, seconds: float) -> None:
        """Wait until every labeller has finished."""
        wait_until(
            lambda: all(p.exitcode is not None for p in self.processes), "all labellers ended", seconds
        )
        assert [p.exitcode for p in self.processes] == [0] * len(self.processes), self.noted("refused")[:3]

    def acknowledged(self) -> int:
        """How many answers were acknowledged so far."""
        for log in self.logs:
            with log.open("rb") as file:
                file.seek(self._read[log])
                lines, newline, _ = file.read().rpartition(b"\n")
            self._read[log] += len(lines + newline)
            self._acknowledged += (b"\n" + lines).count(b'\n{"acknowledged"')
        return self._acknowledged

    def noted(self, kind: str) -> list[dict[str, Any]]:
        """All lines of a kind: given, sent, acknowledged or refused."""
        lines = [json.loads(line) for log in self.logs for line in log.read_text().splitlines()]
        return [line for line in lines if kind in line]


def assert_every_answer_counts_once(
    project: ProjectFolder, team: Team, client: Client, chance: random.Random, *, many_failures: bool = True
) -> None:
    """Assert that what was acknowledged is kept once and all else at most once; then repeat what was not acknowledged.

    `many_failures`: whether there were so many that some must have met an answer on its way.
    """
    sent = {line["sent"]: line["body"] for line in team.noted("sent")}
    acknowledged = {line["acknowledged"]: line["answer"] for line in team.noted("acknowledged")}
    assert sent.keys() >= acknowledged.keys()
    assert sent.keys() != acknowledged.keys() or not many_failures, "no failure met an answer on its way"
    _assert_kept_once(annotations_by_key(project.database), sent, acknowledged)
    for key in sent.keys() - acknowledged.keys():
        _send(client, key, sent[key])
    for key in chance.sample(sorted(acknowledged), 20):
        again = _send(client, key, sent[key])
        assert again["labels"] == acknowledged[key]["labels"]
    _assert_kept_once(annotations_by_key(project.database), sent, sent)
    assert_counts_are_right(project)


def _assert_kept_once(
    kept: dict[str, dict[str, int]],
    sent: dict[str, dict[str, Any]],
    acknowledged: dict[str, dict[str, Any]],
) -> None:
    assert kept.keys() <= sent.keys(), "the database holds what nobody sent"
    assert acknowledged.keys() <= kept.keys(), "an acknowledged answer is lost"
    for key, values in kept.items():
        assert values == sent[key]["values"], "an answer is kept in part, or as another one"


def _send(client: Client, key: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/annotations", body, key)
    assert answer.status_code == 200, answer.text
    return answer.json()
