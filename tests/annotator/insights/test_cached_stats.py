"""A large project's pages show the worker's statistics and their time; a small project's pages show the current ones."""

from collections.abc import Iterator
from datetime import datetime
from threading import Event, Thread

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.app import create_app
from annotator.config import Settings
from annotator.models import StoredStatistics
from annotator.project import ProjectFolder
from annotator.services.common import cached_stats
from annotator.services.common.cached_stats import Statistics, StatisticsCounter, read_statistics
from annotator.services.grouping.listing import LEAKS
from annotator.services.insights.throughput import OPEN_CELLS
from annotator.services.rounds.status import COUNTS
from annotator.services.team.class_balance import DISTRIBUTIONS
from annotator.services.team.metrics import TEAM
from annotator.worker import run_worker
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.team import answer_everything, make_gold_images, set_team_settings
from tests.support.waiting import wait_until

KINDS = (COUNTS, DISTRIBUTIONS, OPEN_CELLS, TEAM, LEAKS)


@pytest.fixture
def large(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """Forty images, of which two people answered some, in a project that counts as large."""
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=3)
    make_gold_images(filled, 1, 2)
    answer_everything([Person(filled, "Ada")])
    answer_everything([Person(filled, "Bob")], glasses=1)
    monkeypatch.setattr(cached_stats, "LARGE", 1)
    return filled


def get(project: ProjectFolder, path: str) -> dict:
    client: FlaskClient = create_app(project, Settings()).test_client()
    return client.get(f"/api/v1/{path}").get_json()


def test_statistics_appear_once_the_worker_has_counted_them_and_stay_until_it_counts_again(
    large: ProjectFolder,
):
    team, leaks = get(large, "team"), get(large, "groups/leaks")
    assert (team["counting"], team["counted_at"], team["attributes"]) == (True, None, [])
    assert (leaks["counting"], leaks["counted_at"]) == (True, None)
    StatisticsCounter(large, KINDS).run_step()
    team, progress = get(large, "team"), get(large, "progress")
    assert (team["counting"], bool(team["counted_at"])) == (False, True)
    assert not get(large, "groups/leaks")["counting"]
    assert get(large, "schema/changes")["counted_at"] == progress["counted_at"]
    Person(large, "Cleo").answer(Person(large, "Cleo").next()[0], ALL)
    assert get(large, "team")["members"] == team["members"]
    assert get(large, "team")["counted_at"] == team["counted_at"]
    assert get(large, "progress")["attributes"] == progress["attributes"]
    StatisticsCounter(large, KINDS).run_step()
    assert "Cleo" in {member["name"] for member in get(large, "team")["members"]}


def test_what_the_worker_kept_is_what_would_be_counted_now(large: ProjectFolder):
    StatisticsCounter(large, KINDS).run_step()
    with large.database.read() as session:
        for kind in KINDS:
            assert read_statistics(session, kind).value == kind.count(session)
        assert read_statistics(session, TEAM).value.attributes[2].alpha.value is not None


def test_what_has_not_changed_is_not_counted_again(large: ProjectFolder):
    def moments() -> list[datetime]:
        with large.database.read() as session:
            return list(session.scalars(select(StoredStatistics.counted_at).order_by(StoredStatistics.name)))

    StatisticsCounter(large, KINDS).run_step()
    before = moments()
    StatisticsCounter(large, KINDS).run_step()
    assert moments() == before
    Person(large, "Cleo").answer(Person(large, "Cleo").next()[0], ALL)
    StatisticsCounter(large, KINDS).run_step()
    assert all(new > old for new, old in zip(moments(), before, strict=True))


def test_the_first_time_pages_show_what_is_known_so_far(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cached_stats, "SHOWN_AFTER", 0)
    state, shown = ["before"], []

    def look() -> int | None:
        with filled.database.read() as session:
            return read_statistics(session, kind).value

    def steps(_: Session) -> Iterator[int]:
        for known in (1, 2, 3):
            yield known
            shown.append(look())
            if state == ["killed"] and known == 2:
                raise KeyboardInterrupt

    kind = Statistics(
        "steps", TypeAdapter(int), lambda _: tuple(state), lambda _: 4, by_worker=True, steps=steps
    )
    state[:] = ["killed"]
    with pytest.raises(KeyboardInterrupt):
        StatisticsCounter(filled, (kind,)).run_step()
    assert (shown, look()) == ([None, 1], 1)
    state[:], shown[:] = ["after"], []
    StatisticsCounter(filled, (kind,)).run_step()
    assert (shown, look()) == ([1, 1, 2], 3)
    state[:], shown[:] = ["later"], []
    StatisticsCounter(filled, (kind,)).run_step()
    assert (shown, look()) == ([], 4)


def test_labels_are_counted_at_once_until_the_worker_has_come_to_them(large: ProjectFolder):
    assert get(large, "progress")["attributes"]["glasses"]["labelled"] == 40


def test_the_worker_counts_automatically(large: ProjectFolder):
    stop = Event()
    worker = Thread(target=run_worker, args=(large, Settings(faces=False, round_every=0), stop))
    worker.start()
    try:

        def counted() -> bool:
            with large.database.read() as session:
                return {kind.name for kind in KINDS} <= set(session.scalars(select(StoredStatistics.name)))

        wait_until(counted, "the statistics are stored")
    finally:
        stop.set()
        worker.join()
