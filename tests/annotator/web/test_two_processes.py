"""What one web process of a project changes, the next request to another one sees.

Each of the two here has what a process has: its own app, connections and memory. tests/loop/test_several_web_processes.py runs
real ones.
"""

import importlib
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.roles import Role
from annotator.domain.schema import parse_schema
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.annotation.bulk import (
    SweepSelection,
    SweptCell,
    SweptPage,
    lease_page,
    submit_page,
    undo_page,
)
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema_editing.file import change_schema
from tests.support.predictions_folder import write_predictions
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.naming import Namer, describe_five
from tests.support.projects.schemas import WITH_GENDER_AND_RATING
from tests.support.projects.team import set_team_settings


@dataclass(frozen=True)
class Process:
    """A web process, and a client of it."""

    project: ProjectFolder
    client: FlaskClient

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def post(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        headers = {"Idempotency-Key": secrets.token_hex(8)} | headers
        return self.client.post(f"/api/v1{path}", json=body, headers=headers)


@pytest.fixture
def pair(filled: ProjectFolder) -> Iterator[tuple[Process, Process]]:
    made = []
    for _ in range(2):
        project = ProjectFolder.open(filled.path)
        client = create_app(project, Settings(start_token=False)).test_client()
        made.append(Process(project, client))
    yield made[0], made[1]
    for process in made:
        process.project.database.close()


def test_settings_schema_and_names_are_the_same_at_once(pair: tuple[Process, Process]) -> None:
    one, other = pair
    before = other.get("/schema")
    assert other.get("/team")["settings"]["gold_share"] != 0.25
    assert other.get("/people/names?search=Hedy")["names"] == []
    settings = one.get("/team")["settings"] | {"gold_share": 0.25}
    assert one.post("/team/settings", settings).status_code == 200
    assert change_schema(one.project, Person(one.project).id, "k", parse_schema(WITH_GENDER_AND_RATING), 1)
    [task] = one.post("/tasks/next", {"count": 1}).get_json()["tasks"]
    body = {"image_id": task["image_id"], "lease": task["lease"], "values": {"identity": "Hedy", "gender": 1}}
    assert one.post("/annotations", body).status_code == 200
    after = other.get("/schema")
    assert {a["name"] for a in after["attributes"]} - {a["name"] for a in before["attributes"]} == {
        "gender",
        "rating",
    }
    assert other.get("/team")["settings"]["gold_share"] == 0.25
    assert other.get("/people/names?search=Hedy")["names"] == ["Hedy"]


def test_who_logs_out_of_one_is_logged_out_of_the_other(pair: tuple[Process, Process]) -> None:
    one, other = pair
    with one.project.database.write() as session:
        add_account(session, "Ada", Role.ADMIN, PASSWORD)
    answer = one.post("/login", {"name": "Ada", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    other.client.set_cookie(*cookie.split("=", 1))
    assert other.get("/me")["name"] == "Ada"
    assert one.post("/logout", {}).status_code == 204
    assert other.client.get("/api/v1/me").status_code == 401


def test_an_answer_that_one_undoes_is_asked_again_by_the_other(pair: tuple[Process, Process]) -> None:
    one, other = (process.project for process in pair)
    set_team_settings(one, overlap_share=1.0, overlap_opinions=2)
    ada = Person(one, "Ada")
    for task in ada.next(40):
        ada.answer(task, ALL)
    [first] = Person(other, "Bob").next(1)
    Person(other, "Bob").answer(first, ALL)
    [second] = Person(other, "Bob").next(1)  # the list is walked up to here
    Person(one, "Bob").undo()
    lapse_leases(one)
    assert {first.image_id, second.image_id} <= {task.image_id for task in Person(other, "Bob").next(40)}


def test_a_sweep_that_one_undoes_is_shown_again_by_the_other(pair: tuple[Process, Process]) -> None:
    one, other = (process.project for process in pair)
    load_predictions(
        one, write_predictions(one, one.rounds / "1", {name: [0.2, 0.8, 0.0] for name in names_of(one)})
    )
    me = Person(one).id

    def page(project: ProjectFolder) -> list[Any]:
        with project.database.write() as session:
            return lease_page(project, session, me, SweepSelection("glasses", 1), count=40, lease_seconds=600)

    swept = page(one)
    cells = tuple(SweptCell(task.image_id, task.lease, 1, accepted=True) for task in swept)
    with one.database.write() as session:
        submit_page(session, me, SweptPage("page", "glasses", cells))
    assert page(other) == []
    with one.database.write() as session:
        undo_page(one, session, me, "undo", "page", lease_seconds=600)
    lapse_leases(one)
    assert {task.image_id for task in page(other)} == {task.image_id for task in swept}


def test_two_labellers_at_two_processes_look_at_different_faces(pair: tuple[Process, Process]) -> None:
    one, other = (process.project for process in pair)
    describe_five(one)
    mine, others = Namer(one, "Ada").sets(count=2), Namer(other, "Grace").sets(count=2)
    seen = [image for face_set in (*mine, *others) for image in face_set.images]
    assert len(seen) == len(set(seen)) == 9 + 7 + 5 + 3


def test_without_gunicorn_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "annotator.processes", raising=False)
    monkeypatch.setitem(sys.modules, "gunicorn.app.base", None)
    with pytest.raises(WrongUse, match=r"facelabel\[server\]"):
        importlib.import_module("annotator.processes")
