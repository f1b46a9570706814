"""A token may what its scope says, and never more than its owner at that time."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from annotator.errors import FacelabelError
from annotator.models import ApiToken, now
from annotator.project import ProjectFolder
from annotator.services.access.account import find_account
from annotator.services.access.tokens import account_of_token, add_token, open_tokens
from annotator.services.accounts import add_account, set_role
from annotator.web.http.access import ACCESS, LABELLING
from tests.support.projects.accounts import PASSWORD, logged_in, users_command, with_token
from tests.support.serving import Server


def test_a_scope_opens_what_it_says(team: Server):
    tokens = {
        scope: users_command(team.project, "token", "Ada", "--scope", scope).strip()
        for scope in ("read", "label", "admin")
    }
    reader, labeller, admin = (with_token(team, token) for token in tokens.values())
    for client in (reader, labeller, admin):
        assert client.get("/team")["manages"]
    assert reader.post("/tasks/next", {"count": 1}).json()["error"]["code"] == "not_in_scope"
    [task] = labeller.next()["tasks"]
    assert labeller.answer(task, {"glasses": 1})["labels"] == {"glasses": 1}
    for path, body in (
        ("/account/tokens", {"purpose": "more", "scope": "admin"}),
        ("/account/password", {"current": PASSWORD, "new": "quiet otters read maps"}),
        ("/snapshots", {"names": False}),
    ):
        for client in (reader, labeller):
            answer = client.post(path, body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_in_scope"), path
    assert admin.post("/account/tokens", {"purpose": "more"}).status_code == 201


def test_a_token_loses_with_its_owner(team: Server, members: ProjectFolder):
    with members.database.write() as session:
        set_role(session, "Cleo", "admin")
        client = with_token(team, add_token(session, "Cleo", "a script"))
    assert client.session.get(f"{team.url}/api/v1/access-log", timeout=60).status_code == 200
    with members.database.write() as session:
        set_role(session, "Cleo", "labeller")
    assert client.session.get(f"{team.url}/api/v1/access-log", timeout=60).status_code == 403


def test_a_labeller_makes_lists_and_revokes_their_tokens(team: Server):
    bob, other = logged_in(team, "Bob"), logged_in(team, "Cleo")
    made = bob.post("/account/tokens", {"purpose": "camera", "scope": "label", "days": 30}).json()["token"]
    [listed] = bob.get("/account")["tokens"]
    assert (listed["purpose"], listed["scope"], listed["last_used_at"]) == ("camera", "label", None)
    assert listed["expires_at"] > listed["created_at"]
    assert other.post(f"/account/tokens/{listed['id']}/revoke", {}).status_code == 404
    assert with_token(team, made).post("/tasks/next", {"count": 0}).status_code == 200
    assert bob.post(f"/account/tokens/{listed['id']}/revoke", {}).status_code == 204
    assert with_token(team, made).post("/tasks/next", {"count": 0}).status_code == 401
    assert bob.get("/account")["tokens"] == []


def test_an_expired_token_opens_nothing_and_is_not_listed(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        token = add_token(session, "Ada", "a script", "read", 1)
        assert account_of_token(session, token).scope == "read"
        session.execute(update(ApiToken).values(expires_at=now() - timedelta(seconds=1)))
        assert account_of_token(session, token) is None
        assert open_tokens(session) == {}
        with pytest.raises(FacelabelError, match="no scope"):
            add_token(session, "Ada", "a script", "king")
        assert find_account(session, "Ada").active


def test_the_labelling_routes_exist_and_every_labeller_may_call_them():
    assert {ACCESS.get(endpoint) for endpoint in LABELLING} == {"labeller"}
