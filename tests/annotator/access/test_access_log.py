"""The access log tells who logged in, changed something, took data out and saw answers; a file follows it, without names."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from annotator.models import AccessEntry, Labeller, now
from annotator.project import ProjectFolder
from annotator.services.access import log_file
from annotator.services.access.account import account_number
from annotator.services.access.log import (
    COMMAND,
    AccessKind,
    Entry,
    Event,
    read_access_log,
    record,
    record_all,
)
from annotator.services.access.log_file import follow_access_log
from annotator.services.accounts import add_account, delete_account
from annotator.web.http.access import ACCESS
from annotator.web.http.access_log import LOGGED, SHOWS_ANSWERS
from tests.support.projects.accounts import PASSWORD, log_in_as, logged_in, users_command
from tests.support.serving import Server
from tests.support.waiting import wait_until


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def seen_answers(project: ProjectFolder) -> list[Entry]:
    with project.database.read() as session:
        return read_access_log(session, kind=AccessKind.ANSWERS).entries


def test_what_happens_is_told_with_who_and_where(team: Server, members: ProjectFolder):
    with members.database.read() as session:
        bob = account_number(session, "Bob")
        before = read_access_log(session, limit=1).entries[0].id if read_access_log(session).entries else 0
    admin = logged_in(team, "Ada", agent="Firefox/140.0 (X11; Linux)")
    log_in_as(team.client(), "Bob", "not the password")
    log_in_as(team.client(), "my secret password", "typed into the wrong field")
    settings = {"overlap_share": 0.1, "overlap_opinions": 3, "gold_share": 0.0, "relabel_share": 0.0}
    assert admin.post("/team/settings", settings | {"aggregation": "majority"}).status_code == 200
    assert admin.post(f"/team/members/{bob}", {"role": "reviewer", "name": "Robert"}).status_code == 200
    assert admin.post(f"/team/members/{bob}", {"password": "quiet otters read maps"}).status_code == 200
    assert admin.post("/team/settings", {"overlap_share": 2}).status_code == 400  # nothing was changed
    assert admin.post("/snapshots", {"names": False}).status_code == 201
    assert admin.session.get(f"{team.url}/export/labels.csv", timeout=60).status_code == 200
    image = {"what": "images", "images": [40], "copies": False}
    assert admin.post("/erasures", image, key="an erasure").status_code == 201
    assert admin.get("/images/7")["id"] == admin.get("/images/7")["id"] == 7
    users_command(team.project, "disable", "Robert")
    assert admin.post("/logout", {}).status_code == 204
    wait_until(lambda: seen_answers(members), "the note of the seen answers")
    with members.database.read() as session:
        found = [entry for entry in read_access_log(session).entries if entry.id > before][::-1]
    told = [(entry.who, entry.event, entry.target) for entry in found if entry.event != Event.ANSWERS_SEEN]
    assert told == [
        ("Ada", "login", "Firefox on Linux"),
        ("Robert", "login failed", ""),
        ("", "login failed", ""),
        (
            "Ada",
            "settings changed",
            "overlap_share 0.1, overlap_opinions 3, gold_share 0.0, relabel_share 0.0, aggregation majority",
        ),
        ("Ada", "account changed", f"account {bob}: role reviewer, name"),
        ("Ada", "account changed", f"account {bob}: password"),
        ("Ada", "snapshot taken", "names false"),
        ("Ada", "downloaded", "labels.csv"),
        ("Ada", "erased", "what images, images 1, copies false"),
        ("", "account changed", f"account {bob}: active false"),
        ("Ada", "logout", ""),
    ]
    [seen] = [entry for entry in found if entry.event == Event.ANSWERS_SEEN]
    assert (seen.who, seen.target) == ("Ada", "image 7")
    assert {entry.address for entry in found} == {"127.0.0.1", COMMAND}


def test_lists_of_what_another_one_answered_are_told_and_other_lists_are_not(
    team: Server, members: ProjectFolder
):
    admin = logged_in(team, "Ada")
    with members.database.read() as session:
        dan = account_number(session, "Dan")
        before = seen_answers(members)[0].id if seen_answers(members) else 0
    for query in ("", "?labeller=Ada", "?labeller=nobody", "?labeller=Dan", "?labeller=Dan&limit=5"):
        admin.get(f"/images{query}")
    admin.get("/images/counts?labeller=Dan")
    expected = ("Ada", f"images that account {dan} answered")
    wait_until(
        lambda: (
            {(entry.who, entry.target) for entry in seen_answers(members) if entry.id > before} == {expected}
        ),
        "the entry of the lists",
        30,
    )


def test_the_file_of_the_server_holds_the_same_without_names(team: Server, members: ProjectFolder):
    logged_in(team, "Dan")
    with members.database.read() as session:
        newest = session.scalars(select(AccessEntry.id).order_by(AccessEntry.id.desc())).first()
    wait_until(
        lambda: members.access_log.exists() and lines(members.access_log)[-1]["id"] >= newest, "the file"
    )
    assert stat.S_IMODE(members.access_log.stat().st_mode) == 0o600
    entries = lines(members.access_log)
    assert [entry["id"] for entry in entries] == sorted({entry["id"] for entry in entries})
    with members.database.read() as session:
        names = set(session.scalars(select(Labeller.name))) - {"local"}
        dan = account_number(session, "Dan")
    [login] = [entry for entry in entries if entry["account"] == dan]
    del login["id"], login["at"], login["target"]
    assert login == {"kind": "login", "event": "login", "account": dan, "address": "127.0.0.1"}
    assert not any(f'"{name}"' in members.access_log.read_text() for name in names)


def test_the_page_of_the_api_is_filtered_and_paged(project: ProjectFolder):
    with project.database.write() as session:
        ada = add_account(session, "Ada", "admin", PASSWORD).id
        for number in range(25):
            record(session, ada if number % 2 else None, "192.0.2.1", Event.LOGIN, str(number))
        record(session, ada, COMMAND, Event.TOKEN_MADE)
        first = read_access_log(session, kind=AccessKind.LOGIN, limit=10)
        second = read_access_log(session, kind=AccessKind.LOGIN, limit=10, before=first.next)
        third = read_access_log(session, kind=AccessKind.LOGIN, limit=10, before=second.next)
        assert [len(page.entries) for page in (first, second, third)] == [10, 10, 5]
        assert third.next is None
        assert [entry.target for entry in first.entries[:2]] == ["24", "23"]
        assert len(read_access_log(session, account=ada).entries) == 13


def test_the_name_of_a_deleted_account_is_not_in_the_log(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        bob = add_account(session, "Bob", "labeller", PASSWORD).id
        record(session, bob, "192.0.2.1", Event.LOGIN)
        delete_account(session, bob, forget_name=True)
        assert read_access_log(session).entries[0].who == f"former labeller {bob}"
    follow_access_log(project)
    assert "Bob" not in project.access_log.read_text()


def test_the_file_continues_after_a_kill_and_is_rotated(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    def add(count: int) -> None:
        with project.database.write() as session:
            for _ in range(count):
                record(session, None, "192.0.2.1", Event.LOGIN_FAILED)

    add(3)
    assert follow_access_log(project) == 3
    with project.access_log.open("a") as file:
        file.write('{"id": 4, "at": "2026')  # a kill in the middle of a line
    add(2)
    assert follow_access_log(project) == 2
    assert [entry["id"] for entry in lines(project.access_log)] == [1, 2, 3, 4, 5]
    monkeypatch.setattr(log_file, "ROTATED_BYTES", 1)
    monkeypatch.setattr(log_file, "ROTATIONS", 2)
    for _ in range(4):
        add(1)
        assert follow_access_log(project) == 1
    kept = sorted(path.name for path in project.path.glob("access.jsonl*"))
    assert kept == ["access.jsonl", "access.jsonl.1", "access.jsonl.2"]
    assert [entry["id"] for name in kept for entry in lines(project.path / name)] == [9, 8, 7]
    project.access_log.unlink()
    assert follow_access_log(project) == 1  # entry 9 again, because the newest file is gone; nothing older
    assert follow_access_log(project) == 0


@pytest.mark.database_file
def test_the_file_continues_after_an_older_database_was_restored(project: ProjectFolder):
    times = [now() + timedelta(hours=hour) for hour in range(-5, 1)]

    def add(*hours: int) -> None:
        with project.database.write() as session:
            record_all(session, [(times[hour], None, "", Event.LOGIN_FAILED, str(hour)) for hour in hours])

    add(0, 1, 2, 3)
    assert follow_access_log(project) == 4
    with project.database.write() as session:  # what a restored copy of hour 1 has: numbers begin again at 3
        session.execute(delete(AccessEntry).where(AccessEntry.id > 2))
        session.execute(text("UPDATE sqlite_sequence SET seq = 2 WHERE name = 'access_log'"))
    assert follow_access_log(project) == 0
    add(4)
    assert follow_access_log(project) == 1
    add(5)
    assert follow_access_log(project) == 1
    told = [(entry["id"], entry["target"]) for entry in lines(project.access_log)]
    assert told == [(1, "0"), (2, "1"), (3, "2"), (4, "3"), (3, "4"), (4, "5")]


def test_every_route_that_changes_who_may_do_what_or_takes_data_out_is_told():
    assert set(LOGGED) | SHOWS_ANSWERS <= set(ACCESS)
    assert {event for event in Event if event.kind} == set(Event)
    admins = {endpoint for endpoint, needed in ACCESS.items() if needed == "admin"}
    harmless = ("imports_api.", "mapping_api.", "access_log.", "operation.", "pages.", "schema_api.preview")
    untold = {
        "backups_api.show", "erasures_api.index", "erasures_api.show", "erasures_api.preview", "take_backs.index",
        "take_backs.preview", "certificates_api.fill_page", "certificates_api.index", "certificates_api.show_plan",
    }  # fmt: skip
    assert {endpoint for endpoint in admins - set(LOGGED) if not endpoint.startswith(harmless)} == untold
