"""Sessions are listed and ended one by one or everywhere; a new password or a disabled account ends them with the tokens."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from annotator.domain.user_agents import device_name
from annotator.models import LoginSession, now
from annotator.project import ProjectFolder
from annotator.services.access.account import account_number, find_account
from annotator.services.access.recorder import AccessRecorder
from annotator.services.access.sessions import (
    IDLE_LIFETIME,
    Device,
    account_of_session,
    begin_session,
    open_sessions,
)
from annotator.services.access.tokens import account_of_token, add_token
from annotator.services.accounts import add_account
from tests.support.projects.accounts import PASSWORD, log_in_as, logged_in, users_command, with_token
from tests.support.serving import Client, Server

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 CriOS/140 Mobile Safari/604.1"
)


def status(client: Client) -> int:
    return client.session.get(f"{client.url}/api/v1/me", timeout=60).status_code


def test_sessions_are_listed_and_one_is_ended(team: Server):
    here, phone = logged_in(team, "Bob", agent=FIREFOX), logged_in(team, "Bob", agent=IPHONE)
    sessions = {entry["device"]: entry for entry in here.get("/account")["sessions"]}
    assert set(sessions) == {"Firefox on Linux", "Chrome on iPhone"}
    assert sessions["Firefox on Linux"]["current"]
    assert sessions["Chrome on iPhone"]["address"] == "127.0.0.1"
    number = sessions["Chrome on iPhone"]["id"]
    other = logged_in(team, "Cleo")
    assert other.post(f"/account/sessions/{number}/end", {}).status_code == 404
    assert here.post(f"/account/sessions/{number}/end", {}).status_code == 204
    assert (status(here), status(phone)) == (200, 401)


def test_one_logs_out_everywhere_and_an_admin_logs_somebody_out(team: Server):
    browsers = [logged_in(team, "Cleo") for _ in range(2)]
    assert browsers[0].post("/account/sessions/end", {}).status_code == 204
    assert [status(browser) for browser in browsers] == [401, 401]
    again, admin = logged_in(team, "Cleo"), logged_in(team, "Ada")
    [cleo] = [member for member in admin.get("/team")["members"] if member["name"] == "Cleo"]
    assert [entry["current"] for entry in cleo["sessions"]] == [False]
    assert admin.post(f"/team/members/{cleo['id']}/sessions/end", {}).status_code == 204
    assert (status(again), status(admin)) == (401, 200)
    again = logged_in(team, "Cleo")
    assert users_command(team.project, "logout", "Cleo") == "1 sessions of Cleo are ended.\n"
    assert status(again) == 401


def test_who_changes_their_password_ends_everything_but_this_browser(team: Server, members: ProjectFolder):
    with members.database.write() as session:
        token = add_token(session, "Dan", "a script")
    here, elsewhere, program = logged_in(team, "Dan"), logged_in(team, "Dan"), with_token(team, token)
    new = "quiet otters read maps"
    refused = here.post("/account/password", {"current": "not my password", "new": new})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "wrong_password")
    for bad, code in (("short", "weak_password"), ("password1234", "common_password")):
        answer = here.post("/account/password", {"current": PASSWORD, "new": bad})
        assert answer.json()["error"]["code"] == code
    assert status(elsewhere) == 200
    assert here.post("/account/password", {"current": PASSWORD, "new": new}).status_code == 204
    assert [status(client) for client in (here, elsewhere, program)] == [200, 401, 401]
    assert log_in_as(team.client(), "Dan").status_code == 401


def test_a_cookie_alone_is_not_a_session_and_the_secret_is_not_stored(project: ProjectFolder):
    with project.database.write() as session:
        ada = add_account(session, "Ada", "admin", PASSWORD)
        token = begin_session(session, ada, Device("Firefox on Linux", "192.0.2.1"))
        assert account_of_session(session, token).name == "Ada"
        assert account_of_session(session, token[:-1]) is None
        assert session.scalar(select(LoginSession.token_hash)) != token
    if project.database_file.exists():
        assert token.encode() not in project.database_file.read_bytes()


@pytest.mark.parametrize("column", [LoginSession.last_used_at, LoginSession.expires_at])
def test_a_session_ends_when_its_time_is_over(project: ProjectFolder, column):
    with project.database.write() as session:
        ada = add_account(session, "Ada", "admin", PASSWORD)
        token = begin_session(session, ada, Device("", ""))
        session.execute(update(LoginSession).values({column: now() - IDLE_LIFETIME - timedelta(seconds=1)}))
        assert account_of_session(session, token) is None
        assert open_sessions(session) == {}
        begin_session(session, ada, Device("", ""))
        assert len(session.scalars(select(LoginSession)).all()) == 1


def test_the_last_use_is_written_later_and_rarely(project: ProjectFolder):
    recorder = AccessRecorder(project)
    with project.database.write() as session:
        ada = add_account(session, "Ada", "admin", PASSWORD)
        token = add_token(session, "Ada", "a script")
        cookie = begin_session(session, ada, Device("", ""))
    with project.database.read() as session:
        first = account_of_token(session, token)
        recorder.used(first)
        recorder.used(account_of_session(session, cookie))  # it was written when it began
    recorder.write()
    with project.database.read() as session:
        used = account_of_token(session, token).last_used_at
        assert first.last_used_at is None
        assert used is not None
        recorder.used(account_of_token(session, token))
    recorder.write()
    with project.database.read() as session:
        assert account_of_token(session, token).last_used_at == used
        assert account_number(session, "Ada") == find_account(session, "Ada").id


def test_a_device_is_named_for_people():
    assert device_name(FIREFOX) == "Firefox on Linux"
    assert device_name("python-requests/2.34\n\x00" + "x" * 200) == "python-requests/2.34" + "x" * 40
    assert device_name("") == "unknown"
