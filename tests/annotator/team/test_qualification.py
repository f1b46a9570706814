"""New labellers qualify on gold images with feedback; until they pass, none of their answers counts."""

import json

from sqlalchemy import func, select

from annotator.models import Annotation, Gold, Label, Submission
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.services.tasks.cursor import first_unanswered
from annotator.services.team.metrics import compute_team_metrics
from annotator.services.team.qualification import QualificationSettings, change_qualification
from tests.support.commands import call
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.team import make_gold_images
from tests.support.serving import Client, Server

CLOSED = {
    "/sweep/next": {"attribute": "glasses"},
    "/tasks/next": {},
    "/annotations": {"image_id": 1, "values": {"glasses": 1}},
    "/images/1/corrections": {"values": {"glasses": 1}},
    "/flags": {"image_id": 1, "note": "x"},
}


def team_of(project: ProjectFolder) -> dict[str, str]:
    """An admin, an old labeller who has answered, a new one; with their tokens and six gold images, ids 10 to 15."""
    make_gold_images(project, *range(10, 16))
    with project.database.write() as session:
        for name, role in (("Adm", "admin"), ("Old", "labeller"), ("New", "labeller")):
            add_account(session, name, role, PASSWORD)
        tokens = {name: add_token(session, name, "a test") for name in ("Adm", "Old", "New")}
    old = Person(project, "Old")
    [task] = old.next()
    old.answer(task, ALL)
    return tokens


def client_of(server: Server, token: str) -> Client:
    client = server.client()
    client.session.headers["Authorization"] = f"Bearer {token}"
    return client


def counts(project: ProjectFolder) -> list[int]:
    with project.database.read() as session:
        return [session.scalar(select(func.count()).select_from(t)) for t in (Submission, Annotation, Label)]


def attempt(client: Client, wrong: int) -> dict:
    """Answer all images of an attempt, the first `wrong` of them not right; returns the standing."""
    standing = client.post("/qualification/start", {}).json()
    while task := standing["task"]:
        values = {name: ALL[name] for name in task["attributes"]}
        if standing["answered"] < wrong:
            values = dict.fromkeys(values, None)
        answered = client.post("/qualification/answers", {"image_id": task["image_id"], "values": values})
        body = answered.json()
        assert {cell["attribute"]: cell["known"] for cell in body["cells"]} == {
            name: ALL[name] for name in values
        }
        again = client.post("/qualification/answers", {"image_id": task["image_id"], "values": {}})
        assert again.json()["cells"] == body["cells"]
        standing = body["qualification"]
    return standing


def test_a_new_labeller_fails_tries_again_and_passes_and_nothing_of_it_counts(filled: ProjectFolder):
    tokens = team_of(filled)
    with Server(filled.path) as server:
        adm, old, new = (client_of(server, tokens[name]) for name in ("Adm", "Old", "New"))
        assert new.post("/tasks/next", {}).ok
        assert old.post("/team/qualification", {"images": 3, "pass_mark": 0.8}).status_code == 403
        refused = adm.post("/team/qualification", {"images": 7, "pass_mark": 0.8}).json()
        assert refused["error"]["code"] == "too_little_gold"
        assert adm.post("/team/qualification", {"images": 3, "pass_mark": 0.8}).json()["gold"] == 6
        before = counts(filled)
        assert old.post("/tasks/next", {}).ok
        for path, body in CLOSED.items():
            assert new.post(path, body, "k").json()["error"]["code"] == "not_qualified", path
        for path in ("/images", "/images/10", "/team", "/progress"):
            assert new.session.get(f"{server.url}/api/v1{path}").status_code == 403, path
        page = new.session.get(f"{server.url}/browse", allow_redirects=False)
        assert (page.status_code, page.headers["Location"]) == (302, "/qualification")

        failed = attempt(new, wrong=2)
        assert (failed["state"], failed["answered"], failed["images"]) == ("failed", 3, 3)
        assert new.post("/tasks/next", {}).status_code == 403
        assert counts(filled) == before
        [person] = adm.get("/team/qualification")["people"]
        assert (person["name"], person["qualified"], person["state"]) == ("New", False, "failed")

        assert attempt(new, wrong=0)["state"] == "passed"
        assert counts(filled) == before
        task = new.next()["tasks"][0]
        new.answer(task, {"glasses": 1})
        [person] = adm.get("/team/qualification")["people"]
        assert (person["qualified"], person["attempts"]) == (True, 2)
    seen = Person(filled, "New")
    with filled.database.read() as session:
        blind = first_unanswered(session, Gold, seen.id, 40)
        others = first_unanswered(session, Gold, Person(filled, "Old").id, 40)
        metrics = compute_team_metrics(session)
    assert blind == []  # the second attempt had the three images that the first one had not
    assert len(others) >= 5
    assert metrics.labellers[seen.id].gold is None


def test_an_admin_lets_pass_asks_again_and_switches_off(filled: ProjectFolder):
    tokens = team_of(filled)
    project = ("-p", filled.path)
    assert "need not qualify" in call("qualification", *project).out
    call("qualification", "--images", "9", *project).assert_refused(1, "6 gold images")
    assert (
        "4 gold images; 75 % must be right"
        in call("qualification", "--images", "4", "--pass-mark", "75", *project).out
    )
    with filled.database.write() as session:
        later = add_account(session, "Later", "labeller", PASSWORD)
        assert later.qualified is False
        assert add_account(session, "Rev", "reviewer", PASSWORD).qualified is True
    with Server(filled.path) as server:
        adm, new = client_of(server, tokens["Adm"]), client_of(server, tokens["New"])
        people = adm.get("/team/qualification")["people"]
        assert [person["name"] for person in people] == ["New", "Later"]
        number = people[0]["id"]
        adm.post(f"/team/members/{number}/qualified", {"qualified": True}).raise_for_status()
        assert new.post("/tasks/next", {}).ok
        adm.post(f"/team/members/{number}/qualified", {"qualified": False}).raise_for_status()
        assert new.post("/tasks/next", {}).status_code == 403
        call("qualification", "--let-pass", "New", *project).assert_done()
        assert new.post("/tasks/next", {}).ok
        assert adm.post("/team/members/999/qualified", {"qualified": True}).status_code == 404
    call("qualification", "--images", "0", *project).assert_done()
    listed = json.loads(call("qualification", "--json", *project).out)
    assert (listed["images"], listed["people"]) == (0, [])


def test_gold_that_is_gone_leaves_an_attempt_with_the_rest(filled: ProjectFolder):
    tokens = team_of(filled)
    with filled.database.write() as session:
        change_qualification(session, QualificationSettings(images=2, pass_mark=1.0))
    with Server(filled.path) as server:
        new = client_of(server, tokens["New"])
        task = new.post("/qualification/start", {}).json()["task"]
        with filled.database.write() as session:
            gone = session.scalar(select(Gold).where(Gold.image_id == task["image_id"]))
            session.delete(gone)
        refused = new.post("/qualification/answers", {"image_id": task["image_id"], "values": {}})
        assert refused.status_code == 404
        standing = new.get("/qualification")
        assert (standing["images"], standing["task"]["image_id"] != task["image_id"]) == (1, True)
