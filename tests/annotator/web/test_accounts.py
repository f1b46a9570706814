"""Accounts: passwords, tokens and roles; a new password ends old logins."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from annotator.domain.roles import LOCAL_LABELLER, Role, may
from annotator.errors import FacelabelError
from annotator.models import ApiToken, Labeller
from annotator.project import ProjectFolder
from annotator.services.access.tokens import account_of_token, add_token, revoke_tokens
from annotator.services.accounts import add_account, check_password, set_active, set_password
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.serving import Server


@pytest.fixture
def team(filled: ProjectFolder) -> Iterator[Server]:
    """A server of a project with an admin called Ada."""
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
    with Server(filled.path) as running:
        yield running


def log_in(server: Server, name: str = "Ada", password: str = PASSWORD) -> requests.Session:
    session = requests.Session()
    session.post(f"{server.url}/api/v1/login", json={"name": name, "password": password}, timeout=60)
    return session


def test_a_password_opens_only_its_own_active_account(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "labeller", PASSWORD)
        assert check_password(session, "Ada", PASSWORD).name == "Ada"
        assert check_password(session, "Ada", PASSWORD + "x") is None
        assert check_password(session, "Bob", PASSWORD) is None
        assert check_password(session, "local", "") is None
        set_active(session, "Ada", False)
        assert check_password(session, "Ada", PASSWORD) is None


def test_neither_passwords_nor_tokens_are_kept(project: ProjectFolder):
    with project.database.write() as session:
        row = add_account(session, "Ada", "labeller", PASSWORD)
        token = add_token(session, "Ada", "a script")
        session.flush()
        assert PASSWORD not in row.password_hash
        assert row.password_hash.startswith("$argon2id$")
        assert token not in {kept.token_hash for kept in session.query(ApiToken)}


def test_a_token_stands_for_its_account_until_it_is_revoked(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "labeller", PASSWORD)
        token = add_token(session, "Ada", "a script")
        assert account_of_token(session, token).name == "Ada"
        assert account_of_token(session, token + "x") is None
        assert revoke_tokens(session, "Ada") == 1
        assert account_of_token(session, token) is None


@pytest.mark.parametrize(
    ("name", "role", "password", "told"),
    [
        ("Ada", "labeller", "short", "at least 10"),
        ("Ada", "king", PASSWORD, "no role"),
        ("local", "admin", PASSWORD, "already"),
        ("\x00", "admin", PASSWORD, "control characters"),
    ],
)
def test_what_makes_no_account(project: ProjectFolder, name: str, role: str, password: str, told: str):
    with pytest.raises(FacelabelError, match=told), project.database.write() as session:
        add_account(session, name, role, password)
    with project.database.read() as session:
        assert [row.name for row in session.query(Labeller)] == ["local"]


def test_a_role_includes_those_before_it():
    assert may("admin", Role.REVIEWER)
    assert may("reviewer", Role.LABELLER)
    assert not may("labeller", Role.REVIEWER)
    assert not may("king", Role.LABELLER)


def test_without_accounts_nobody_has_to_log_in(server: Server):
    assert requests.get(f"{server.url}/api/v1/me", timeout=60).json() == {"name": "local", "role": "admin"}


def test_with_an_account_pages_lead_to_the_login_and_the_api_says_401(team: Server):
    page = requests.get(f"{team.url}/rounds", timeout=60, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=/rounds")
    api = requests.post(f"{team.url}/api/v1/tasks/next", json={"count": 1}, timeout=60)
    assert (api.status_code, api.json()["error"]["code"]) == (401, "not_logged_in")
    assert requests.get(f"{team.url}/login", timeout=60).status_code == 200


def test_a_login_lasts_until_logout_and_its_cookie_is_closed_to_scripts(team: Server):
    session = log_in(team)
    assert session.get(f"{team.url}/api/v1/me", timeout=60).json() == {"name": "Ada", "role": "admin"}
    [cookie] = session.cookies
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Strict"
    assert session.post(f"{team.url}/api/v1/logout", json={}, timeout=60).status_code == 204
    assert session.get(f"{team.url}/api/v1/me", timeout=60).status_code == 401


def test_a_login_survives_a_restart_of_the_server(team: Server):
    session = log_in(team)
    team.stop()
    team.start()
    assert session.get(f"{team.url}/api/v1/me", timeout=60).status_code == 200


def test_a_new_password_and_a_disabled_account_end_the_login(team: Server, filled: ProjectFolder):
    session = log_in(team)
    with filled.database.write() as database:
        set_password(database, "Ada", "another long password")
    assert session.get(f"{team.url}/api/v1/me", timeout=60).status_code == 401
    session = log_in(team, password="another long password")
    assert session.get(f"{team.url}/api/v1/me", timeout=60).status_code == 200
    users_command(filled.path, "disable", "Ada")
    assert session.get(f"{team.url}/api/v1/me", timeout=60).status_code == 401


def test_passwords_cannot_be_tried_in_bulk(team: Server):
    answers = [
        requests.post(f"{team.url}/api/v1/login", json={"name": "Ada", "password": f"guess {i}"}, timeout=60)
        for i in range(12)
    ]
    assert [a.status_code for a in answers] == [401] * 10 + [429] * 2
    right = requests.post(f"{team.url}/api/v1/login", json={"name": "Ada", "password": PASSWORD}, timeout=60)
    assert right.status_code == 429


def test_the_command_adds_accounts_of_every_role(project: ProjectFolder):
    for role in Role:
        told = users_command(project.path, "add", f"a {role}", "--role", role, password=PASSWORD)
        assert told == f"a {role} can log in as {role}.\n"
    listed = json.loads(users_command(project.path, "list", "--json"))
    added = {row["name"]: row["role"] for row in listed if row["name"] != LOCAL_LABELLER}
    assert added == {f"a {role}": role for role in Role}


def test_a_program_labels_with_a_token(team: Server, filled: ProjectFolder):
    token = users_command(filled.path, "token", "Ada", "--for", "a test").strip()
    client = team.client()
    client.session.headers["Authorization"] = f"Bearer {token}"
    [task] = client.next()["tasks"]
    assert client.answer(task, {"glasses": 1})["labels"] == {"glasses": 1}
    users_command(filled.path, "revoke", "Ada")
    assert client.post("/tasks/next", {"count": 1}).status_code == 401


def test_a_made_up_cookie_opens_nothing(team: Server):
    made_up = {"facelabel": "eyJsYWJlbGxlciI6MX0.aaaa.bbbb"}
    assert requests.get(f"{team.url}/api/v1/me", cookies=made_up, timeout=60).status_code == 401


def test_other_machines_are_only_served_with_accounts(filled: ProjectFolder):
    command = [
        sys.executable,
        "-m",
        "annotator",
        "serve",
        "-p",
        str(filled.path),
        "--host",
        "0.0.0.0",
        "--port",
        "0",
    ]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 2
    assert "facelabel users add" in refused.stderr
