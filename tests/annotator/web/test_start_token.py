"""The start-up token: without accounts, only the printed address opens the project, and no proxy leads to it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.serving import Server

PRINTED = re.compile(r"at (http://127\.0\.0\.1:\d+/)\?token=(\w{32})\s")


@pytest.fixture
def printed(filled: ProjectFolder) -> Iterator[tuple[str, str]]:
    """The address and the token that `facelabel serve` prints for a project without accounts."""
    command = [sys.executable, "-m", "annotator", "serve", "-p", str(filled.path), "--port", "0"]
    environment = os.environ | {
        "FACELABEL_WORKER": "0",
        "FACELABEL_START_TOKEN": "1",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = PRINTED.search(running.stdout.readline())
        assert found
        yield found[1], found[2]
        running.terminate()
        running.stdout.read()


def test_the_printed_address_opens_the_project_and_no_other(printed: tuple[str, str]):
    url, token = printed
    stranger = requests.Session()
    page = stranger.get(url, timeout=60)
    assert (page.status_code, page.url) == (200, f"{url}login?next=/")
    assert "Open the address that the server printed" in page.text
    for wrong in ("", "é", token[:-1], token.upper() + "0"):
        assert stranger.get(f"{url}browse", params={"token": wrong}, timeout=60).url.startswith(f"{url}login")
    first = {"name": "Eve", "password": "a long password", "role": "admin"}
    assert stranger.post(f"{url}api/v1/team/members", json=first, timeout=60).status_code == 401
    assert stranger.get(f"{url}api/v1/progress?token={token}", timeout=60).status_code == 401

    owner = requests.Session()
    opened = owner.get(f"{url}browse?flagged=1&token={token}&order=name", timeout=60)
    assert (opened.status_code, opened.url) == (200, f"{url}browse?flagged=1&order=name")
    [cookie] = owner.cookies
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert token not in cookie.value
    assert owner.get(f"{url}api/v1/progress", timeout=60).json()["images"] == 40

    program = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{url}api/v1/progress", headers=program, timeout=60).status_code == 200
    program = {"Authorization": "Bearer fl_other"}
    assert owner.get(f"{url}api/v1/progress", headers=program, timeout=60).status_code == 401

    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"):
        refused = owner.get(f"{url}api/v1/progress", headers={header: "for=1.2.3.4"}, timeout=60)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_accounts")
    # The first account ends it: from then on everybody logs in.
    assert owner.post(f"{url}api/v1/team/members", json=first, timeout=60).status_code == 201
    assert owner.get(f"{url}api/v1/progress", timeout=60).status_code == 401
    assert owner.get(f"{url}?token={token}", timeout=60).url == f"{url}login?next=/"


def test_a_browser_stays_logged_in_when_the_server_starts_again(filled: ProjectFolder):
    from annotator.web.http.start_token import with_token

    session = requests.Session()
    with Server(filled.path, FACELABEL_START_TOKEN="1") as server:
        session.get(with_token(f"{server.url}/", filled.secret_key()), timeout=60)
        server.stop()
        server.start()
        assert session.get(f"{server.url}/api/v1/progress", timeout=60).status_code == 200


def test_a_public_server_needs_accounts(filled: ProjectFolder):
    refused = call("serve", "-p", filled.path, "--public-url", "https://label.example.org", "--port", 0)
    refused.assert_refused(2, "label.example.org", "facelabel users add")
