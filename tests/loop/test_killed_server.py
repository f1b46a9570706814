"""The server is killed while eight labellers work: acknowledged answers are kept once, all others at most once."""

import random
import signal
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.labelling_team import Team, assert_every_answer_counts_once
from tests.support.serving import Server
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
        assert_every_answer_counts_once(filled, team, server.client(), chance)
