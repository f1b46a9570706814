"""Requests drawn from the API's description get only documented responses, and never a server error."""

import inspect
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.services.rounds.loading import load_predictions
from annotator.web.http.description import KEYED, describe_api
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.serving import Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[tuple[Server, str]]:
    """A served team project with predictions, an answer and a flag; and an admin's token."""
    path = tmp_path_factory.mktemp("fuzzed") / "project"
    shutil.copytree(_filled, path)
    project = ProjectFolder.open(path)
    guessed = {name: [0.5, 0.2, 0.3] for name in names_of(project, split="train")}
    load_predictions(project, write_predictions(project, path / "rounds" / "1" / "predictions", guessed))
    with project.database.write() as session:
        add_account(session, "Ada", "admin", secrets.token_hex(8))
        token = add_token(session, "Ada", "a test")
    project.database.close()
    with Server(path) as server:
        client = server.client()
        client.session.headers["Authorization"] = f"Bearer {token}"
        task = client.next()["tasks"][0]
        client.answer(task, {"glasses": 1})
        flag = {"image_id": task["image_id"], "note": "look"}
        assert client.post("/flags", flag, secrets.token_hex(8)).ok
        yield server, token


def test_no_request_that_fits_the_description_surprises(
    fuzzed: tuple[Server, str], soak: bool, tmp_path: Path
):
    server, token = fuzzed
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json"),
        *("--checks", ",".join(CHECKS), "--max-examples", "200" if soak else "2"),
        *("--phases", "coverage,fuzzing,stateful" if soak else "coverage,fuzzing"),
        *("--header", f"Authorization: Bearer {token}", "--generation-deterministic", "--no-color"),
        # Passwords are hashed slowly on purpose, and ten wrong ones lock the address out.
        *("--exclude-path", "/api/v1/login"),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert requests.get(f"{server.url}/healthz", timeout=60).json() == {"status": "ok"}


def test_the_description_names_every_route_that_needs_an_idempotency_key():
    app = create_app(ProjectFolder(Path()), Settings())
    asking = {
        endpoint
        for endpoint, view in app.view_functions.items()
        if "idempotency_key()" in inspect.getsource(inspect.unwrap(view))
    }
    described = {
        path
        for path, operations in describe_api(app)["paths"].items()
        if any(p["name"] == "Idempotency-Key" for p in operations.get("post", {}).get("parameters", []))
    }
    assert asking == KEYED
    assert len(described) == len(KEYED)
