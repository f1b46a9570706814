"""Take-backs by HTTP and by command: an admin's right, with a preview and one undo."""

import json
from datetime import timedelta

from annotator.models import Import, now
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from tests.support.commands import call
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL, Person, done_count
from tests.support.serving import Server


def answer_some(project: ProjectFolder, name: str, count: int = 4) -> Person:
    person = Person(project, name)
    for task in person.next(count):
        person.answer(task, ALL)
    return person


def test_an_admin_previews_it_does_it_and_undoes_it_and_nobody_else_may(filled: ProjectFolder):
    bob = answer_some(filled, "Bob")
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        add_account(session, "Rob", "reviewer", PASSWORD)
        tokens = {name: add_token(session, name, "a test") for name in ("Ada", "Rob")}
    with Server(filled.path) as server:
        client = server.client()
        client.session.headers["Authorization"] = f"Bearer {tokens['Rob']}"
        assert client.post("/team/take-backs", {"labeller": bob.id}, "k").status_code == 403
        client.session.headers["Authorization"] = f"Bearer {tokens['Ada']}"
        preview = client.get(f"/team/take-backs/preview?labeller={bob.id}&since=2020-01-01T00:00:00Z")
        assert (preview["answers"], preview["opened"], preview["reopened"]) == (24, 24, 4)
        assert done_count(filled) == 4
        for _ in range(2):
            done = client.post("/team/take-backs", {"labeller": bob.id}, "k")
            assert (done.status_code, done.json()["effect"]) == (200, preview)
        assert done_count(filled) == 0
        for body, code in (
            ({}, "nothing_chosen"),
            ({"labeller": 10**6}, "unknown_labeller"),
            ({"labeller": bob.id}, "nothing_to_take_back"),
            ({"since": "2026-11-29T12:00:00"}, "bad_request"),
        ):
            refused = client.post("/team/take-backs", body, "other")
            assert (refused.status_code in {400, 404}, refused.json()["error"]["code"]) == (True, code)
        listed = client.post("/team/take-backs/undo", {"submission": "k"}, "u").json()
        assert [(past["labeller"], past["by"], past["undone"]) for past in listed["take_backs"]] == [
            ("Bob", "Ada", True)
        ]
    assert done_count(filled) == 4


def test_the_command_chooses_by_labeller_and_time_and_undoes(filled: ProjectFolder):
    answer_some(filled, "Bob")
    project = ("-p", filled.path)
    preview = call("take-back", "--labeller", "Bob", "--since", "2020-01-01", "--preview", *project)
    assert "24 cells would lose the label" in preview.out
    call("take-back", "--labeller", "Bob", "--until", "2020-01-01", *project).assert_refused(
        1, "still counts"
    )
    call("take-back", *project).assert_refused(2, "No labeller")
    call("take-back", "--labeller", "Eve", *project).assert_refused(1, "no account 'Eve'")
    assert done_count(filled) == 4
    done = json.loads(call("take-back", "--labeller", "Bob", "--json", *project).out)
    assert (done["opened"], done_count(filled)) == (24, 0)
    assert "labeller Bob" in call("take-back", "--list", *project).out
    call("take-back", "--undo", done["submission"], *project).assert_done()
    assert done_count(filled) == 4


def test_the_labels_of_one_upload_are_undone_and_not_those_of_another_with_the_same_name(
    filled: ProjectFolder, faces
):
    call("import", faces / "answers.csv", "-p", filled.path).assert_done()
    with filled.database.write() as session:
        for key, shift in (("first", timedelta(0)), ("second", timedelta(hours=1))):
            session.add(
                Import(
                    key=key, labeller_id=1, name="answers.csv", bytes=1, received=1, state="done", dry_run=False, options={},
                    done=1, total=1, attempts=1, created_at=now(), started_at=now() - timedelta(minutes=1) + shift,
                    finished_at=now() + timedelta(minutes=1) + shift,
                )
            )  # fmt: skip
    assert done_count(filled) == 40
    project = ("-p", filled.path)
    call("take-back", "--import", "2", *project).assert_refused(1, "still counts")
    call("take-back", "--import", "1", *project).assert_done()
    assert done_count(filled) == 0
