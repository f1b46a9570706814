"""nginx and Caddy with HTTPS in front of a server, with the configurations of deploy/, and clients that come from outside."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

HOST = "label.localhost"
"""The host in place of label.example.org: browsers know that names below localhost are this machine."""
NGINX_FRAME = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
NGINX_HOST = "server {{ listen 443 ssl; ssl_certificate {0}; ssl_certificate_key {1}; include {2}; }}"
CADDY_FRAME = (
    "{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {plain}\n\thttps_port {port}\n}}\nimport {site}\n"
)


@dataclass(frozen=True)
class Site:
    """A host with HTTPS.

    Args:
        port: where it answers HTTPS.
        plain: where it answers HTTP, to lead to HTTPS.
        authority: the file of the certificate that signs its own.
        prefix: the path below which Facelabel lies.
    """

    port: int
    plain: int
    authority: Path
    prefix: str

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}{self.prefix}"


class Visitor(requests.Session):
    """A client of a site on a separate address: all that begin with 127 are this machine."""

    def __init__(self, site: Site, address: str = "127.0.0.1") -> None:
        super().__init__()
        self.site = site
        self.trust_env = False  # a bundle of authorities in the environment would win over this one
        self.verify = str(site.authority)
        self.headers["Host"] = f"{HOST}:{site.port}"
        self.mount("https://", _From(address))

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask for a path below the site's prefix, and verify the certificate."""
        return self.request(
            method, f"https://127.0.0.1:{self.site.port}{self.site.prefix}{path}", timeout=60, **more
        )

    def log_in(self, name: str, password: str) -> int:
        """Log in and return the status."""
        return self.ask("POST", "/api/v1/login", json={"name": name, "password": password}).status_code


class _From(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        named = {"server_hostname": HOST, "assert_hostname": HOST, "source_address": (self._address, 0)}
        super().init_poolmanager(*arguments, **options, **named)  # type: ignore[no-untyped-call]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def planned_site(folder: Path, config: str) -> Site:
    """A site that is not served yet, so that the server behind it can be told its URL."""
    authority = folder / (
        "tls.pem" if config.startswith("nginx") else "data/caddy/pki/authorities/local/root.crt"
    )
    return Site(
        free_port(),
        free_port(),
        authority,
        "/faces" if config.endswith(("path.conf", "-path")) else "",
    )


@contextmanager
def serving_site(site: Site, folder: Path, config: str, server: int) -> Iterator[None]:
    """Run a configuration of deploy/ in front of a server's port; skip the test if its program is not installed."""
    program = "nginx" if config.startswith("nginx") else "caddy"
    found = shutil.which(program) or shutil.which(f"/usr/sbin/{program}")
    if found is None:
        pytest.skip(f"{program} is not installed; `make proxies` installs it")
    start = _nginx if program == "nginx" else _caddy
    command, environment = start(site, folder, CHECKOUT / "deploy" / config, server)
    with (folder / "output").open("w") as output:
        running = subprocess.Popen(
            [found, *command], env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_until(lambda: _answers(site) or running.poll() is not None, f"{program} answers")
            assert running.poll() is None, (folder / "output").read_text()
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(120)


def _nginx(site: Site, folder: Path, config: Path, server: int) -> tuple[list[str], dict[str, str]]:
    """Write the configuration with this machine's ports and a self-signed certificate."""
    key = folder / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(site.authority)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    text = config.read_text(encoding="utf-8").replace("127.0.0.1:8420", f"127.0.0.1:{server}")
    for old, new in (
        ("https://label.example.org", f"https://{HOST}:{site.port}"),
        ("/etc/letsencrypt/live/label.example.org/fullchain.pem", str(site.authority)),
        ("/etc/letsencrypt/live/label.example.org/privkey.pem", str(key)),
        ("label.example.org", HOST),
    ):
        text = text.replace(old, new)
    (folder / "site.conf").write_text(text)
    whole = f"include {folder}/site.conf;"
    if "server {" not in text:
        whole = NGINX_HOST.format(site.authority, key, folder / "site.conf")
    (folder / "site.conf").write_text(_on_free_ports(text, site))
    user = "user root;" if os.geteuid() == 0 else ""
    frame = NGINX_FRAME.format(user=user, folder=folder, site=_on_free_ports(whole, site))
    (folder / "nginx.conf").write_text(frame)
    return ["-p", str(folder), "-c", str(folder / "nginx.conf")], {}


def _on_free_ports(text: str, site: Site) -> str:
    """A configuration that listens on free ports of 127.0.0.1 only."""
    text = re.sub(r"\n *listen \[::\].*", "", text)
    return text.replace("listen 443", f"listen 127.0.0.1:{site.port}").replace(
        "listen 80", f"listen 127.0.0.1:{site.plain}"
    )


def _caddy(site: Site, folder: Path, config: Path, server: int) -> tuple[list[str], dict[str, str]]:
    """Import the configuration as it is: its variables say the rest, and Caddy makes a certificate itself."""
    (folder / "Caddyfile").write_text(CADDY_FRAME.format(plain=site.plain, port=site.port, site=config))
    variables = {"SITE": f"{HOST}:{site.port}", "SERVER": f"127.0.0.1:{server}"}
    places = {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "HOME": str(folder),
    }
    return ["run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], variables | places


def _answers(site: Site) -> bool:
    """Whether the server answers by HTTPS: Caddy listens before it has its certificate."""
    try:
        with Visitor(site) as visitor:
            return visitor.ask("GET", "/healthz").ok
    except (OSError, requests.RequestException):
        return False
