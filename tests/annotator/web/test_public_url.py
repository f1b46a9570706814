"""The public URL: its Host and Origin, cookies, path prefix and links; the client's address behind trusted proxies."""

import json
import logging
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse, create_environ

from annotator.addresses import client_behind, host_name, parse_network, parse_public_url, urls
from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.projects import init_project
from annotator.web.http.context import context_of
from annotator.web.http.proxies import ProxyAware, client_address
from tests.support.commands import call
from tests.support.forked import Command
from tests.support.paths import CHECKOUT
from tests.support.projects.accounts import PASSWORD

PUBLIC = "https://label.example.org"
LOGIN = {"name": "Ada", "password": PASSWORD}
PAGE_ADDRESS = re.compile(r'(?:href|src|data-base)="(/[^"]*|)"')


@pytest.fixture
def team(filled: ProjectFolder) -> ProjectFolder:
    """A project with an admin called Ada."""
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
    return filled


@contextmanager
def served(project: ProjectFolder, **settings: object) -> Iterator[FlaskClient]:
    app = create_app(project, Settings(**settings))
    yield app.test_client()
    context_of(app).tiles.close()
    context_of(app).explainer.close()


def ask(client: FlaskClient, path: str, host: str, body: object = None, **headers: str) -> TestResponse:
    """One request as the server gets it: by a name, with headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Host": host}
    return client.open(path, method="POST" if body else "GET", json=body, headers=named)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://Label.Example.org", "https://label.example.org/"),
        ("https://label.example.org:443/", "https://label.example.org/"),
        ("http://example.org:8080/faces/", "http://example.org:8080/faces/"),
        ("https://[::1]:8443/a/b", "https://[::1]:8443/a/b/"),
    ],
)
def test_a_public_url_is_read_as_browsers_write_it(text: str, read: str):
    assert str(parse_public_url(text)) == read


@pytest.mark.parametrize(
    "text",
    ["label.example.org", "ftp://a.example", "https://", "https://a b/", "https://a/?x", "https://u@a/", "https://a/../b",
     "https://a/%2e", "https://[::1", "https://a:b/", "https://é.example/"],
)  # fmt: skip
def test_what_is_no_public_url_is_refused(text: str, filled: ProjectFolder):
    refused = call("serve", "-p", filled.path, "--public-url", text)
    refused.assert_refused(2, "FACELABEL_PUBLIC_URL: it", "Nothing was changed.")


def test_names_are_compared_without_case_port_and_final_dot():
    named = ["Label.Example.org.:8420", "[0:0::1]:80", "0:0::1", "[::1", "x:y:z"]
    assert [host_name(name) for name in named] == ["label.example.org", "::1", "::1", "", "x:y:z"]


def test_the_client_is_the_last_hop_that_no_trusted_proxy_is():
    proxies = [parse_network("127.0.0.1"), parse_network("10.0.0.0/8"), parse_network("fd00::/8")]
    for peer, hops, client in (
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["6.6.6.6", "198.51.100.1", "10.1.1.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("fd00::1", ["198.51.100.1:5555"], "198.51.100.1"),
        ("127.0.0.1", ["evil", "10.1.1.1"], "10.1.1.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("", ["6.6.6.6"], ""),
    ):
        assert client_behind(peer, hops, proxies) == client


def test_only_the_servers_own_names_and_origins_are_accepted(team: ProjectFolder):
    with served(team, public_url=f"{PUBLIC}/", names=["Lab.Local"]) as client:
        hosts = {"label.example.org": 200, "LABEL.example.ORG:443": 200, "127.0.0.1:8420": 200, "lab.local:8420": 200,
                 "evil.example": 403, "label.example.org.evil.example": 403, "example.org": 403, "[": 403}  # fmt: skip
        assert {host: ask(client, "/login", host).status_code for host in hosts} == hosts
        for host, origin, status in (
            ("label.example.org", PUBLIC, 200),
            ("127.0.0.1:8420", PUBLIC, 200),  # a proxy that names the server its own way
            ("127.0.0.1:8420", "http://127.0.0.1:8420", 200),
            ("label.example.org", "http://label.example.org", 403),
            ("label.example.org", "https://label.example.org:8443", 403),
            ("127.0.0.1:8420", "http://label.example.org", 403),
            ("127.0.0.1:8420", "https://evil.example", 403),
            ("label.example.org", "null", 403),
        ):
            assert ask(client, "/api/v1/login", host, LOGIN, Origin=origin).status_code == status, (
                host,
                origin,
            )


@pytest.mark.parametrize(
    ("public_url", "begins", "attributes"),
    [
        (None, "facelabel-", "; HttpOnly; Path=/; SameSite=Strict"),
        ("http://lab.local", "facelabel-", "; HttpOnly; Path=/; SameSite=Strict"),
        (PUBLIC, "__Host-facelabel-", "; Secure; HttpOnly; Path=/; SameSite=Strict"),
        (f"{PUBLIC}/faces/", "__Secure-facelabel-", "; Secure; HttpOnly; Path=/faces; SameSite=Strict"),
    ],
)
def test_the_cookie_is_as_strict_as_the_url_allows(team: ProjectFolder, public_url, begins, attributes):
    with served(team, public_url=public_url) as client:
        answer = ask(client, "/api/v1/login", "127.0.0.1", LOGIN)
        assert answer.headers["Set-Cookie"].startswith(begins)
        assert attributes in answer.headers["Set-Cookie"]
        assert "Domain" not in answer.headers["Set-Cookie"]
        assert ("Strict-Transport-Security" in answer.headers) == bool(public_url and "https" in public_url)


def test_two_projects_on_one_host_have_different_cookies(team: ProjectFolder, tmp_path: Path):
    with served(team) as one, served(init_project(tmp_path / "other")) as other:
        names = {client.application.config["SESSION_COOKIE_NAME"] for client in (one, other)}
    with served(team) as again:
        assert again.application.config["SESSION_COOKIE_NAME"] in names
    assert len(names) == 2


@pytest.mark.parametrize("kept", ["/faces", ""], ids=["the proxy keeps the prefix", "the proxy strips it"])
def test_every_address_lies_below_the_path_prefix(team: ProjectFolder, kept: str):
    with served(team, public_url=f"{PUBLIC}/faces") as client:
        client.application.config["SESSION_COOKIE_PATH"] = "/"  # the client knows no proxy

        def opened(path: str) -> TestResponse:
            return client.get(f"{kept}{path}", base_url=f"{PUBLIC}/")

        assert (
            opened("/browse?flagged=1").headers["Location"] == "/faces/login?next=/faces/browse?flagged%3D1"
        )
        assert client.post(f"{kept}/api/v1/login", json=LOGIN, base_url=PUBLIC).status_code == 200
        for path in ("/", "/browse", "/words", "/people/all", "/snapshots", "/insights"):
            addresses = PAGE_ADDRESS.findall(opened(path).text)
            assert len(addresses) > 10
            assert [one for one in addresses if not re.match(r"/faces(/|$)", one)] == []
        image = opened("/api/v1/images").json["images"][0]["image_url"]
        assert image.startswith("/faces/media/")
        with opened(image.removeprefix("/faces")) as shown:
            assert shown.mimetype == "image/jpeg"
        manifest = json.loads(opened("/manifest.webmanifest").text)
        assert [manifest[key] for key in ("id", "start_url", "scope")] == ["/faces/"] * 3
        assert all(icon["src"].startswith("/faces/static/") for icon in manifest["icons"])
        description = opened("/api/v1/openapi.json").json
        assert description["servers"] == [{"url": f"{PUBLIC}/faces"}]
        cookie = description["components"]["securitySchemes"]["login"]["name"]
        assert cookie.startswith("__Secure-facelabel-")


def test_no_script_and_no_template_names_an_address_without_the_prefix():
    places = [
        f"{file.relative_to(CHECKOUT)}:{number}"
        for folder, kind, address in (
            ("static/js", "*.js", re.compile(r"""['"`]/[a-z]""")),
            ("templates", "*.html", re.compile(r"""(?:href|src|action)=["']/""")),
        )
        for file in sorted((CHECKOUT / folder).rglob(kind))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if address.search(line) and "ownUrl(" not in line and not line.startswith(" * ")
    ]
    assert places == [], "write ownUrl('/…') in scripts, {{ base }}/… in templates"


def test_a_path_prefix_that_is_one_of_the_apps_addresses_is_refused(team: ProjectFolder):
    with pytest.raises(WrongUse, match="/browse is one of Facelabel's own addresses"):
        create_app(team, Settings(public_url=f"{PUBLIC}/browse"))


@pytest.mark.parametrize(
    ("peer", "client"),
    [("192.0.2.1", "198.51.100.7"), ("192.0.2.9", "192.0.2.9")],
    ids=["a trusted proxy", "anybody else"],
)
def test_only_a_trusted_proxy_says_who_the_client_is(peer: str, client: str):
    """The throttle behind the real proxies is tested in tests/browser/serving/test_behind_proxies.py."""
    addresses = []

    def remember(environ, start_response):
        addresses.append(client_address(Request(environ)))
        return []

    sent = create_environ(headers={"X-Forwarded-For": "10.9.9.9, 198.51.100.7"})
    settings = Settings(trusted_proxies=["192.0.2.0/30"])
    ProxyAware(remember, settings)(sent | {"REMOTE_ADDR": peer}, lambda *_: None)
    assert addresses == [client]


def test_an_unknown_proxy_is_told_of_once(team: ProjectFolder, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING, "facelabel")
    with served(team) as client:
        ask(client, "/login", "127.0.0.1")
        assert caplog.messages == []
        ask(client, "/login", "127.0.0.1", X_Forwarded_For="198.51.100.1")
        ask(client, "/login", "127.0.0.1", Forwarded="for=198.51.100.1")
    assert len(caplog.messages) == 1
    assert "--trusted-proxy 127.0.0.1" in caplog.text


def test_the_printed_addresses_are_those_that_colleagues_can_open():
    public = parse_public_url(f"{PUBLIC}/faces")
    assert urls("127.0.0.1", 8420, [], None) == ["http://127.0.0.1:8420/"]
    assert urls("0.0.0.0", 1, ["lab.local", "::2"], None) == [
        "http://127.0.0.1:1/", "http://lab.local:1/", "http://[::2]:1/"]  # fmt: skip
    assert urls("::", 1, [], public) == ["http://[::1]:1/", "https://label.example.org/faces/"]


def test_a_server_says_by_which_addresses_it_opens(team: ProjectFolder):
    arguments = [
        "serve",
        "-p",
        str(team.path),
        "--port",
        "0",
        "--name",
        "Label.Lab",
        "--public-url",
        f"{PUBLIC}/faces",
    ]
    server = Command(arguments, team.path, os.environ | {"FACELABEL_WORKER": "0"})
    try:
        first, *others = [server.stdout.readline() for _ in range(3)]
        port = re.search(r" is served at http://127\.0\.0\.1:(\d+)/  ", first)
        assert port
        assert others == [
            f"Colleagues open http://label.lab:{port[1]}/\n",
            f"Colleagues open {PUBLIC}/faces/\n",
        ]
        for host, status in ((f"LABEL.lab:{port[1]}", 200), (f"label.lab.evil.example:{port[1]}", 403)):
            answer = requests.get(
                f"http://127.0.0.1:{port[1]}/faces/login", headers={"Host": host}, timeout=10
            )
            assert answer.status_code == status
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(120)
        server.stdout.close()


def test_all_interfaces_are_no_name(team: ProjectFolder):
    with served(team, host="0.0.0.0", names=["label.lab"]) as client:
        for host, status in (("0.0.0.0:8420", 403), ("label.lab", 200), ("127.0.0.1", 200)):
            assert ask(client, "/login", host).status_code == status


def test_a_server_that_listens_everywhere_must_say_its_names(team: ProjectFolder):
    for host in ("0.0.0.0", "::"):
        call("serve", "-p", team.path, "--host", host, "--port", 0).assert_refused(
            2, "--name", "every address"
        )
