"""Access rules: every route of the app with every kind of caller."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from annotator.domain.roles import Role
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.web.http.access import ACCESS
from annotator.web.http.security import TAKES_BYTES
from tests.support.hostile.web_routes import routes
from tests.support.serving import Server


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A served project with a token per role, and one token that nobody has."""
    path = tmp_path_factory.mktemp("access") / "project"
    shutil.copytree(_filled, path)
    project = ProjectFolder.open(path)
    with project.database.write() as session:
        for role in Role:
            add_account(session, role, role, secrets.token_hex(8))
        add_token(session, Role.LABELLER, "number 1, which the routes' own trial revokes")
        tokens = {role: add_token(session, role, "a test") for role in Role}
    project.database.close()
    with Server(path) as server:
        yield server, tokens | {"outsider": "fl_" + secrets.token_urlsafe(32)}


def test_every_route_has_its_line_and_every_line_a_route():
    assert {endpoint for endpoint, _, _ in routes()} == set(ACCESS)


@pytest.mark.parametrize(("endpoint", "method", "path"), routes())
def test_a_route_opens_to_those_who_may_and_to_nobody_else(
    world: tuple[Server, dict[str, str]], endpoint: str, method: str, path: str
):
    server, tokens = world
    needed = ACCESS[endpoint]
    for caller in ("anonymous", "outsider", *Role):
        headers = {} if caller == "anonymous" else {"Authorization": f"Bearer {tokens[caller]}"}
        body: dict[str, Any] = {"json": {}} if method != "GET" else {}
        if endpoint in TAKES_BYTES:
            body, headers["Content-Type"] = {"data": b"x"}, "application/octet-stream"
        answer = requests.request(
            method, server.url + path, headers=headers, timeout=60, allow_redirects=False, **body
        )
        if needed == "anyone":
            assert answer.status_code not in {302, 401, 403} or endpoint == "accounts.login", caller
        elif caller in {"anonymous", "outsider"}:
            # An image that leads to the page to log in would be kept as that page.
            assert answer.status_code in ({401} if path.startswith("/media/") else {302, 401}), caller
        elif list(Role).index(Role(caller)) < list(Role).index(needed):
            assert (
                answer.status_code,
                answer.json()["error"]["code"] if path.startswith("/api") else "",
            ) in {
                (403, "not_allowed"),
                (403, ""),
            }, caller
        else:
            assert answer.status_code not in {302, 401, 403}, caller
        assert answer.status_code < 500
