"""The database's server crashes, or the network to it is cut, while labellers work: acknowledged answers are kept once.

Requests meanwhile say what is wrong, and the same web server goes on as soon as the database is back.
"""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.database.postgres import PostgresServer
from tests.support.labelling_team import Team, assert_every_answer_counts_once
from tests.support.proxies.cut_network import Network
from tests.support.serving import Server
from tests.support.waiting import wait_until


def lose_again_and_again(
    project: ProjectFolder,
    server: Server,
    folder: Path,
    times: int,
    lose: Callable[[], object],
    restore: Callable[[], object],
) -> None:
    """Lose the database so many times while four labellers work, and check every answer."""
    chance = random.Random(0)
    with Team(folder, server.port, "part", 4) as team:
        for number in range(times):
            enough = team.acknowledged() + chance.randrange(1, 20)
            wait_until(
                lambda enough=enough: team.acknowledged() >= enough, f"{enough} answers before loss {number}"
            )
            lose()
            refused = server.client().post("/tasks/next", {"count": 1})
            assert refused.status_code == 503, refused.text
            assert refused.json()["error"]["code"] == "database_unreachable"
            restore()
        team.stop()
    assert_every_answer_counts_once(project, team, server.client(), chance, many_failures=times > 10)


@pytest.mark.timeout(3600)
def test_answers_survive_crashes_of_the_databases_server_exactly_once(
    filled_on_postgres: ProjectFolder, postgres_server: PostgresServer, tmp_path: Path, soak: bool
) -> None:
    # A short lease: an image whose answer a labeller gave up is soon given out again.
    with Server(filled_on_postgres.path, FACELABEL_LEASE_SECONDS="1") as server:
        lose_again_and_again(
            filled_on_postgres,
            server,
            tmp_path / "team",
            100 if soak else 3,
            lambda: postgres_server.stop(signal.SIGQUIT),
            postgres_server.start,
        )


@pytest.mark.timeout(3600)
def test_answers_survive_a_cut_network_to_the_database_exactly_once(
    filled_on_postgres: ProjectFolder, postgres_server: PostgresServer, tmp_path: Path, soak: bool
) -> None:
    with Network(postgres_server.socket) as network:
        url = network.url(filled_on_postgres.database.location)
        with Server(filled_on_postgres.path, FACELABEL_LEASE_SECONDS="1", FACELABEL_DATABASE=url) as server:
            lose_again_and_again(
                filled_on_postgres,
                server,
                tmp_path / "team",
                100 if soak else 10,
                network.cut,
                network.restore,
            )
