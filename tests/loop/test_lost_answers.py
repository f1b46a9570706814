"""Requests and responses are lost: labellers repeat them with the same key, and each answer counts once."""

from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.labelling_team import Team
from tests.support.projects.database_checks import annotations_by_key, assert_counts_are_right, select_rows
from tests.support.proxies.dropping import DroppingProxy
from tests.support.serving import Server
from tests.support.waiting import wait_until


@pytest.mark.timeout(1800)
def test_answers_through_a_lossy_network_count_once(
    filled: ProjectFolder, tmp_path: Path, soak: bool
) -> None:
    wanted = 2000 if soak else 200
    with (
        # A short lease: an image whose task was lost on its way is soon given out again.
        Server(filled.path, FACELABEL_LEASE_SECONDS="1") as server,
        DroppingProxy(server.port, share=0.1) as proxy,
        Team(tmp_path / "team", proxy.port, "patient") as team,
    ):
        wait_until(lambda: team.acknowledged() >= wanted, f"{wanted} answers", 1500 if soak else 150)
        team.stop()
    sent = {line["sent"]: line["body"]["values"] for line in team.noted("sent")}
    acknowledged = {line["acknowledged"]: line["answer"]["labels"] for line in team.noted("acknowledged")}
    assert min(proxy.lost.values()) > wanted * 0.1, "hardly anything was lost"
    assert acknowledged == sent
    assert annotations_by_key(filled.database) == sent
    assert select_rows(filled.database, "SELECT count(*) FROM submissions") == [(len(sent),)]
    assert select_rows(filled.database, "SELECT count(*) FROM annotations") == [(2 * len(sent),)]
    assert_counts_are_right(filled)
