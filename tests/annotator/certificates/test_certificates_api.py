"""The API of certificates: the plan, a certificate that is begun, decided and undone, for admins only; and the label page's strip."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from tests.support.projects.accounts import PASSWORD, with_token
from tests.support.projects.certificates import answer_sample, certifiable, compute_plans, work
from tests.support.serving import Server

BODY = {"attribute": "glasses", "error": 0.1, "recall": None}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    made = certifiable(tmp_path / "project")
    yield made
    made.database.close()


def test_a_certificate_is_begun_decided_and_undone(project: ProjectFolder):
    compute_plans(project)
    with Server(project.path) as server:
        client = server.client()
        plans = client.get("/certificates/plan")
        [glasses] = plans["attributes"]
        assert (glasses["title"], glasses["attempt"], plans["missing"]) == ("Glasses", 1, "")
        assert len(glasses["plans"]) == len(plans["errors"]) * len(plans["recalls"])
        assert plans["planned"] == plans["expected"] == len(glasses["plans"])
        by_error = [p["cells"] for p in glasses["plans"] if p["recall"] is None]
        assert by_error[-1] > 150
        assert client.get("/loop")["filling"] is None or "Glasses" in client.get("/loop")["filling"]

        made = client.post("/certificates", BODY, "a key")
        assert made.status_code == 201
        assert client.post("/certificates", BODY, "a key").json()["id"] == made.json()["id"]
        assert (
            client.post("/certificates", BODY, "another").json()["error"]["code"] == "certificate_unfinished"
        )
        assert client.post("/certificates", BODY).json()["error"]["code"] == "no_key"
        work(project)
        [sampling] = client.get("/certificates")["certificates"]
        assert (sampling["state"], sampling["answered"]) == ("sampling", 0)
        assert sampling["forecast"]["answers"] == sampling["sample"]
        assert client.get("/loop")["filling"] == "Glasses: about 0 % of the acceptance sample is answered."

        answer_sample(project, 1)
        assert (
            client.post("/certificates/1/decide", {}).json()["state"] == "filled"
        )  # a repetition changes nothing
        [filled] = client.get("/certificates")["certificates"]
        assert filled["state"] == "filled"
        assert filled["filled"] > 150
        assert client.post("/certificates/1/undo", {}).json()["state"] == "undone"
        assert client.post("/certificates/2/undo", {}).status_code == 404


def test_only_admins_hear_of_certificates(project: ProjectFolder):
    compute_plans(project)
    with project.database.write() as session:
        for name, role in (("Ada", "admin"), ("Bob", "reviewer")):
            add_account(session, name, role, PASSWORD)
        tokens = {name: add_token(session, name, "a test") for name in ("Ada", "Bob")}
    with Server(project.path) as server:
        ada, bob = with_token(server, tokens["Ada"]), with_token(server, tokens["Bob"])
        made = ada.post("/certificates", BODY, "a key")
        assert made.status_code == 201
        work(project)
        assert "acceptance sample" in ada.get("/loop")["filling"]
        assert bob.get("/loop")["filling"] is None
        for path in ("/certificates", "/certificates/plan"):
            assert bob.session.get(f"{server.url}/api/v1{path}", timeout=60).status_code == 403
        assert bob.post("/certificates/1/undo", {}).status_code == 403
        assert bob.session.get(f"{server.url}/fill", timeout=60).status_code == 403
        told = [
            entry["target"] for entry in ada.get("/access-log")["entries"] if entry["kind"] == "certificate"
        ]
        assert told == ["attribute glasses, error 0.1"]
