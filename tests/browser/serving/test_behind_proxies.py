"""Facelabel behind nginx and Caddy with HTTPS: the configurations of deploy/ as they are, in the real programs."""

import csv
import io
import os
import random
import secrets
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.importing.uploads import PIECE_BYTES
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import press_answers, wait_until_sent
from tests.support.browser.pages import log_in, wait_until_ready
from tests.support.observatory import cookie_faults, observatory_faults
from tests.support.paths import CHECKOUT
from tests.support.projects.accounts import PASSWORD
from tests.support.proxies.tls import HOST, Site, Visitor, planned_site, serving_site
from tests.support.serving import Server
from tests.support.waiting import wait_until

WHOLE_HOSTS = ["nginx.conf", "Caddyfile"]
PATHS = ["nginx-path.conf", "Caddyfile-path"]


@dataclass(frozen=True)
class Served:
    """A site, and the server behind it."""

    site: Site
    server: Server


@pytest.fixture
def served(request: pytest.FixtureRequest, filled: ProjectFolder, tmp_path: Path) -> Iterator[Served]:
    """A project with the admin Ada, served through the configuration that the parameter names."""
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
    (tmp_path / "proxy").mkdir()
    site = planned_site(tmp_path / "proxy", request.param)
    environment = {"FACELABEL_PUBLIC_URL": site.url, "FACELABEL_TRUSTED_PROXIES": "127.0.0.1"}
    worker = "1" if request.param in WHOLE_HOSTS else "0"
    with (
        Server(filled.path, FACELABEL_WORKER=worker, **environment) as server,
        serving_site(site, tmp_path / "proxy", request.param, server.port),
    ):
        yield Served(site, server)


def write_zip(file: Path, faces: Path, padding: int) -> Path:
    """An archive with one face that no project has yet, and with a file that is no image."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("new/face.jpg", (faces / "0001.jpg").read_bytes() + b"\0")
        with archive.open("left_aside.bin", "w", force_zip64=True) as member:
            for size in pieces_of(padding):
                member.write(bytes(size))
    return file


def pieces_of(size: int) -> list[int]:
    return [min(PIECE_BYTES, size - begin) for begin in range(0, size, PIECE_BYTES)]


def import_through(visitor: Visitor, file: Path) -> dict[str, Any]:
    """Send an archive in pieces, as the import page does, and wait for its import."""
    kind = {"Content-Type": "application/octet-stream", "Idempotency-Key": secrets.token_hex(8)}
    size, offset = file.stat().st_size, 0
    path = f"/api/v1/imports?name=a.zip&bytes={size}"
    with file.open("rb") as content:
        for length in pieces_of(size):
            sent = visitor.ask("POST", path, data=content.read(length), headers=kind)
            assert sent.ok, sent.text
            place, offset = f"/api/v1/imports/{sent.json()['id']}", offset + length
            path = f"{place}/content?offset={offset}"
    return ended(visitor, place)


def ended(visitor: Visitor, path: str) -> dict[str, Any]:
    """An import or a round after it has ended."""
    wait_until(lambda: visitor.ask("GET", path).json()["state"] in {"done", "failed"}, f"{path} is over")
    return visitor.ask("GET", path).json()


def assert_throttle_sees_clients(site: Site) -> None:
    """Wrong passwords from one address stop that address, whatever it claims to be, and no other."""
    guesser = Visitor(site, "127.0.0.2")

    def guess(number: int) -> int:
        guesser.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        return guesser.log_in(f"nobody {number}", "x" * 12)

    assert 429 in (guess(number) for number in range(60))
    assert guesser.log_in("Ada", PASSWORD) == 429
    assert Visitor(site, "127.0.0.3").log_in("Ada", PASSWORD) == 200


@pytest.mark.browser
@pytest.mark.parametrize("served", WHOLE_HOSTS, indirect=True)
def test_a_team_works_through_a_proxy_with_https(
    served: Served, browser: Browser, faces: Path, tmp_path: Path, soak: bool
):
    site = served.site
    with open_context(browser, ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto(f"{site.url}/")
        log_in(page, "Ada")
        wait_until_ready(page)
        answered = dict(press_answers(page, random.Random(1)) for _ in range(30 if soak else 2))
        wait_until_sent(page)
        [cookie] = context.cookies()
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    assert cookie["name"].startswith("__Host-facelabel-")

    ada = Visitor(site)
    login = ada.ask("POST", "/api/v1/login", json={"name": "Ada", "password": PASSWORD})
    assert (login.status_code, cookie_faults(login)) == (200, [])
    assert login.headers["Set-Cookie"]
    assert ada.ask("POST", "/api/v1/tasks/next", json={"count": 1}, headers={"Origin": site.url}).ok
    elsewhere = {"Origin": "https://evil.example"}
    assert ada.ask("POST", "/api/v1/tasks/next", json={"count": 1}, headers=elsewhere).status_code == 403
    for path in ("/", "/login", "/browse", "/api/v1/openapi.json", "/static/js/lib/api.js", "/nowhere"):
        assert observatory_faults(ada.ask("GET", path)) == [], path

    size = 2**30 if soak else PIECE_BYTES + 1000
    imported = import_through(ada, write_zip(tmp_path / "a.zip", faces, size))
    assert imported["report"]["images"]["imported"] == 1
    exported = csv.DictReader(io.StringIO(ada.ask("GET", "/export/labels.csv").text))
    labelled = {row["image_name"] for row in exported if row["glasses"]}
    assert labelled == set(answered)
    snapshot = ada.ask("POST", "/api/v1/snapshots", json={"names": False}).json()
    with ada.ask("GET", f"/snapshots/{snapshot['name']}/zip") as download:
        names = zipfile.ZipFile(io.BytesIO(download.content)).namelist()
    assert "labels.csv" in {name.rpartition("/")[2] for name in names}

    if soak:
        begun = ada.ask("POST", "/api/v1/rounds", json={"engine": "probe", "strategy": "balanced"})
        assert ended(ada, f"/api/v1/rounds/{begun.json()['id']}")["state"] == "done"

    assert_throttle_sees_clients(site)
    host = {"Host": HOST}
    plain = requests.get(
        f"http://127.0.0.1:{site.plain}/browse", headers=host, allow_redirects=False, timeout=10
    )
    assert plain.headers["Location"].startswith(f"https://{HOST}")


@pytest.mark.browser
@pytest.mark.parametrize("served", PATHS, indirect=True)
def test_every_page_works_below_a_path(served: Served, browser: Browser):
    site = served.site
    with open_context(browser, ignore_https_errors=True) as context:
        page = context.new_page()
        lost: list[str] = []
        page.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{site.url}/browse?order=name")
        log_in(page, "Ada")
        wait_until_ready(page)
        assert page.url == f"{site.url}/browse?order=name"
        page.locator(".tile").first.wait_for()
        page.get_by_role("link", name="Label", exact=True).click()
        wait_until_ready(page)
        press_answers(page, random.Random(1))
        wait_until_sent(page)
        for path in ("/insights", "/schema", "/snapshots"):
            page.goto(site.url + path)
            wait_until_ready(page)
        [cookie] = context.cookies()
        assert (cookie["path"], cookie["secure"]) == ("/faces", True)
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{site.url}/login")
        assert lost == []


@pytest.mark.browser
@pytest.mark.parametrize("config", WHOLE_HOSTS)
def test_the_tests_of_the_label_page_pass_through_a_proxy(config: str, soak: bool, tmp_path: Path):
    if not soak:
        pytest.skip("it takes minutes: make soak runs it")
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.browser.through_proxy", "-n0", "-q"]
    command += [f"--basetemp={tmp_path / 'inner'}", "tests/browser/labelling/test_label_page.py"]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=outer | {"FACELABEL_TEST_PROXY": config},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
