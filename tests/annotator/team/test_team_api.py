"""The API of a team: real labellers at a real server, each of whom sees only what is theirs."""

import secrets
from collections.abc import Iterator

import pytest
import requests

from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL
from tests.support.serving import Client, Server

SETTINGS = {
    "overlap_share": 1.0,
    "overlap_opinions": 2,
    "overlap_confidence": 1.0,
    "gold_share": 0.5,
    "relabel_share": 0.0,
    "aggregation": "majority",
}


@pytest.fixture
def people(filled: ProjectFolder) -> Iterator[dict[str, Client]]:
    """A client per person, logged in by token: an admin, a reviewer, labellers, and somebody from outside."""
    roles = {"Ada": "admin", "Rob": "reviewer", "Lea": "labeller", "Lou": "labeller", "Lin": "labeller"}
    with filled.database.write() as session:
        for name, role in roles.items():
            add_account(session, name, role, PASSWORD)
        tokens = {name: add_token(session, name, "a test") for name in roles}
    tokens["Charlie"] = "fl_" + secrets.token_urlsafe(32)
    with Server(filled.path) as server:
        clients = {name: server.client() for name in tokens}
        for name, client in clients.items():
            client.session.headers["Authorization"] = f"Bearer {tokens[name]}"
        yield clients


def work(*clients: Client, **values: object) -> dict[str, list[int]]:
    """Everybody answers until nobody is given anything; per client's address in the call, the images answered."""
    answered: dict[str, list[int]] = {str(number): [] for number in range(len(clients))}
    given = 1
    while given:
        given = 0
        for number, client in enumerate(clients):
            for task in client.next(5)["tasks"]:
                assert not client.answer(task, ALL | values)["late"]
                answered[str(number)].append(task["image_id"])
                given += 1
    return answered


def shape(task: dict) -> tuple:
    """What tells tasks apart, but for the image itself."""
    return (
        tuple(sorted(task)),
        tuple(task["labels"]),
        tuple((c["attribute"], c["suggestion"]) for c in task["cells"]),
    )


def test_labellers_share_the_overlap_and_gold_is_not_recognisable(people: dict[str, Client]):
    ada, rob, lea, lou, lin = (people[name] for name in ("Ada", "Rob", "Lea", "Lou", "Lin"))
    sure = SETTINGS | {"overlap_confidence": 0.9, "withhold_share": 0.03}
    assert rob.post("/team/settings", sure).json() == sure
    older = {name: value for name, value in SETTINGS.items() if name != "overlap_confidence"}
    assert rob.post("/team/settings", older).json() == sure  # what is not sent stays
    assert rob.post("/team/settings", SETTINGS).json() == SETTINGS | {"withhold_share": 0.03}
    for image in range(1, 11):
        key = {"values": ALL, "adjudicate": True}
        assert rob.post(f"/images/{image}/corrections", key, f"g{image}").status_code == 200
        assert rob.post(f"/images/{image}/gold", {"gold": True}).json()["gold"] is True
    tasks = lea.next(40)["tasks"]
    gold = [task for task in tasks if task["image_id"] <= 10]
    assert gold
    assert len({shape(task) for task in tasks}) == 1
    assert lea.get("/images/1")["gold"] is None
    for task in tasks:
        lea.answer(task, ALL | {"glasses": 1})
    answered = work(lou, lin, glasses=1)
    everybody = [task["image_id"] for task in tasks] + answered["0"] + answered["1"]
    assert {everybody.count(image) for image in range(11, 41)} == {2}
    assert all(len(set(found)) == len(found) for found in answered.values())
    assert {rob.get(f"/images/{image}")["cells"][2]["label"]["code"] for image in range(1, 11)} == {2}
    team = ada.get("/team")
    assert (team["gold"], team["wanted"], team["settings"]) == (10, 0, SETTINGS | {"withhold_share": 0.03})
    metrics = {member["name"]: member["figures"] for member in team["members"]}
    assert metrics["Lea"]["gold"]["count"] * 6 == metrics["Lea"]["gold"]["of"] * 5
    assert metrics["Lea"]["others"]["value"] == 1
    assert {entry["attribute"] for entry in team["attributes"]} >= {"glasses", "identity"}


def test_labellers_see_their_own_metrics_and_an_outsider_sees_nothing(people: dict[str, Client]):
    team = people["Lea"].get("/team")
    assert [member["name"] for member in team["members"]] == ["Lea"]
    assert (team["attributes"], team["settings"], team["manages"]) == ([], None, False)
    seen = people["Rob"].get("/team")
    assert {member["name"] for member in seen["members"]} >= {"Ada", "Rob", "Lea", "Lou"}
    assert not any(member["tokens"] for member in seen["members"])
    charlie = people["Charlie"]
    for path in ("/team", "/team/aggregation", "/images/1", "/review?kind=undecided"):
        assert charlie.session.get(f"{charlie.url}/api/v1{path}", timeout=60).status_code == 401
    assert charlie.post("/tasks/next", {"count": 1}).status_code == 401


def test_an_admin_makes_changes_and_disables_accounts(people: dict[str, Client]):
    ada = people["Ada"]
    made = ada.post("/team/members", {"name": "Max", "role": "labeller", "password": PASSWORD})
    assert made.status_code == 201
    number = made.json()["id"]
    token = ada.post(f"/team/members/{number}/tokens", {"purpose": "a script"}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}

    def max_asks() -> requests.Response:
        return requests.get(f"{ada.url}/api/v1/me", headers=headers, timeout=60)

    assert max_asks().json() == {"name": "Max", "role": "labeller"}
    assert ada.post(f"/team/members/{number}", {"role": "reviewer"}).json()["role"] == "reviewer"
    assert ada.post(f"/team/members/{number}", {"active": False}).json()["active"] is False
    assert max_asks().status_code == 401
    assert ada.post(f"/team/members/{number}", {"active": True, "password": "short"}).status_code == 400
    assert max_asks().status_code == 401  # all of a change or nothing
    ada.post(f"/team/members/{number}", {"active": True, "password": PASSWORD + "!"})
    assert max_asks().status_code == 401  # the tokens ended when the account was disabled
    assert ada.post(f"/team/members/{number}/tokens", {"purpose": "a script"}).status_code == 201
    [shown] = next(member["tokens"] for member in ada.get("/team")["members"] if member["name"] == "Max")
    assert shown["purpose"] == "a script"
    assert "token" not in shown
    assert ada.post(f"/team/tokens/{shown['id']}/revoke", {}).status_code == 204
    assert max_asks().status_code == 401
    login = {"name": "Max", "password": PASSWORD + "!"}
    assert requests.post(f"{ada.url}/api/v1/login", json=login, timeout=60).status_code == 200


def test_the_last_admin_stays_one(people: dict[str, Client]):
    ada = people["Ada"]
    number = next(member["id"] for member in ada.get("/team")["members"] if member["me"])
    for change in ({"role": "labeller"}, {"active": False}):
        answer = ada.post(f"/team/members/{number}", change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "last_admin")
    assert ada.get("/me")["role"] == "admin"


def test_a_reviewer_aggregates_once_per_key(people: dict[str, Client]):
    rob, lea, lou, lin = (people[name] for name in ("Rob", "Lea", "Lou", "Lin"))
    rob.post("/team/settings", SETTINGS | {"overlap_opinions": 3})
    work(lea, glasses=0)
    work(lou, lin, glasses=2)
    preview = rob.get("/team/aggregation")
    assert preview == {"method": "majority", "cells": 240, "changed": 40, "undecided": 0}
    assert rob.post("/team/aggregation", {}, "k").json() == preview
    assert rob.post("/team/aggregation", {}, "k").json()["changed"] == 40
    assert rob.get("/team/aggregation")["changed"] == 0
    cell = rob.get("/images/5")["cells"][2]
    assert (cell["label"]["origin"], cell["label"]["labeller"], cell["label"]["code"]) == (
        "aggregate",
        "aggregation",
        2,
    )
    assert len(rob.get("/images?origin=aggregate")["images"]) == 40


def test_the_first_account_of_a_machine_is_an_admin_and_from_then_on_everybody_logs_in(server: Server):
    client = server.client()
    assert client.get("/team")["accounts"] is False
    refused = client.post("/team/members", {"name": "Ada", "role": "labeller", "password": PASSWORD})
    assert refused.json()["error"]["code"] == "first_admin"
    made = client.post("/team/members", {"name": "Ada", "role": "admin", "password": PASSWORD})
    assert made.status_code == 201
    assert client.session.get(f"{server.url}/api/v1/team", timeout=60).status_code == 401
    client.post("/login", {"name": "Ada", "password": PASSWORD})
    assert client.get("/team")["accounts"] is True
