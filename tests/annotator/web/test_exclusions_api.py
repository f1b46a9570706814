"""The API that excludes images: who may, what it answers, and what a killed server keeps."""

import secrets

import pytest

from annotator.domain.roles import Role
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from tests.support.projects.labelling import ALL
from tests.support.serving import Client, Server


@pytest.fixture
def tokens(filled: ProjectFolder) -> dict[str, str]:
    with filled.database.write() as session:
        for role in Role:
            add_account(session, role, role, secrets.token_hex(8))
        return {role: add_token(session, role, "a test") for role in Role}


def client_of(server: Server, token: str) -> Client:
    client = server.client()
    client.session.headers["Authorization"] = f"Bearer {token}"
    return client


def body(*images: int, reason: str = "no_face", **more: object) -> dict[str, object]:
    return {"image_ids": list(images), "reason": reason, **more}


def test_an_exclusion_is_repeated_undone_and_shown(server: Server):
    client = server.client()
    first = client.post("/exclusions", body(7, note="a statue"), key="k").json()
    assert (first["submission"], first["image_ids"], first["progress"]["images"]) == ("k", [7], 39)
    assert client.post("/exclusions", body(7, note="a statue"), key="k").json() == first
    assert client.post("/exclusions", body(8), key="k").status_code == 409
    shown = client.get("/images/7")["excluded"]
    assert (shown["reason"], shown["note"], shown["labeller"]) == ("no_face", "a statue", "local")
    assert [image["id"] for image in client.get("/images?excluded=only")["images"]] == [7]
    assert len(client.get("/images?excluded=without&limit=100")["images"]) == 39
    assert len(client.get("/images?limit=100")["images"]) == 40
    undone = client.post("/annotations/undo", {"submission": "k"}, key="u").json()
    assert (undone["task"]["image_id"], undone["values"]) == (7, {})
    assert client.get("/images/7")["excluded"] is None


def test_what_cannot_be_excluded_changes_nothing(server: Server):
    client = server.client()
    for wrong in (
        body(),
        body(7, reason="boring"),
        body(7, 7),
        body(7, note="a\0b"),
        body(*range(1, 10_002)),
    ):
        answer = client.post("/exclusions", wrong, key="w")
        assert answer.status_code == 400, answer.text
    missing = client.post("/exclusions", body(7, 4000), key="w")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "unknown_image")
    assert client.get("/progress")["images"] == 40


def test_labellers_exclude_one_image_and_reviewers_several_and_restore(
    filled: ProjectFolder, tokens: dict[str, str]
):
    with Server(filled.path) as server:
        labeller, reviewer = client_of(server, tokens["labeller"]), client_of(server, tokens["reviewer"])
        assert labeller.post("/exclusions", body(1), key="one").status_code == 200
        refused = labeller.post("/exclusions", body(2, 3), key="two")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_a_reviewer")
        assert labeller.post("/exclusions/restore", {"image_ids": [1]}, key="back").status_code == 403
        assert reviewer.post("/exclusions", body(2, 3), key="several").json()["image_ids"] == [2, 3]
        assert labeller.post("/exclusions/undo", {"submission": "several"}, key="u").status_code == 404
        restored = reviewer.post("/exclusions/restore", {"image_ids": [1, 2, 4]}, key="restore").json()
        assert restored["image_ids"] == [1, 2]
        assert reviewer.post("/exclusions/undo", {}, key="u1").json()["image_ids"] == [1, 2]
        assert labeller.post("/exclusions/undo", {"submission": "one"}, key="u2").json()["image_ids"] == [1]
        assert reviewer.get("/progress")["images"] == 38


def test_a_killed_server_keeps_exclusions_and_answers_to_excluded_images(filled: ProjectFolder):
    server = Server(filled.path)
    server.start()
    client = server.client()
    [task] = client.next()["tasks"]
    first = client.post("/exclusions", body(task["image_id"]), key="k").json()
    server.stop()
    server.start()
    client = server.client()
    assert client.post("/exclusions", body(task["image_id"]), key="k").json() == first
    answer = client.answer(task, ALL, key="late")
    assert (answer["labels"], answer["excluded"]["labeller"]) == (ALL, "local")
    server.stop()
