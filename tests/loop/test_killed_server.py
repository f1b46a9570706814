"""The server is killed while eight labellers work: acknowledged answers are kept once, all others at most once."""

import random
import signal
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.labelling_team import Team
from tests.support.projects.database_checks import annotations_by_key, assert_counts_are_right
from tests.support.serving import Client, Server
from tests.support.waiting import wait_until


@pytest.mark.timeout(3600)
def test_acknowledged_answers_survive_killed_servers_exactly_once(
    filled: ProjectFolder, tmp_path: Path, soak: bool
) -> None:
    chance = random.Random(0)
    # A short lease: an image whose answer a labeller gave up is soon given out again.
    with Server(filled.path, FACELABEL_LEASE_SECONDS="1") as server:
        with Team(tmp_path / "team", server.port, "part") as team:
            for kill in range(150 if soak else 15):
                enough = team.acknowledged() + chance.randrange(1, 40)
                wait_until(
                    lambda enough=enough: team.acknowledged() >= enough,
                    f"{enough} answers before kill {kill}",
                )
                server.stop(signal.SIGKILL)
                server.start()
            team.stop()
        sent = {line["sent"]: line["body"] for line in team.noted("sent")}
        acknowledged = {line["acknowledged"]: line["answer"] for line in team.noted("acknowledged")}
        assert sent.keys() > acknowledged.keys(), "no kill met an answer on its way"
        assert_kept_once(annotations_by_key(filled.database_file), sent, acknowledged)
        client = server.client()
        for key in sent.keys() - acknowledged.keys():
            send(client, key, sent[key])
        for key in chance.sample(sorted(acknowledged), 20):
            again = send(client, key, sent[key])
            assert again["labels"] == acknowledged[key]["labels"]
        assert_kept_once(annotations_by_key(filled.database_file), sent, sent)
    assert_counts_are_right(filled)


def assert_kept_once(
    kept: dict[str, dict[str, int]], sent: dict[str, dict], acknowledged: dict[str, dict]
) -> None:
    assert kept.keys() <= sent.keys(), "the database holds what nobody sent"
    assert acknowledged.keys() <= kept.keys(), "an acknowledged answer is lost"
    for key, values in kept.items():
        assert values == sent[key]["values"], "an answer is kept in part, or as another one"


def send(client: Client, key: str, body: dict) -> dict:
    answer = client.post("/annotations", body, key)
    assert answer.status_code == 200, answer.text
    return answer.json()
