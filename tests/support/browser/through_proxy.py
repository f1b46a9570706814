"""A plugin of pytest: browser tests run through nginx or Caddy with HTTPS, and log in as an admin.

`FACELABEL_TEST_PROXY=nginx.conf pytest -p tests.support.browser.through_proxy tests/browser/…` names a configuration of deploy/.
"""

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.proxies.tls import Visitor, planned_site, serving_site
from tests.support.serving import Client, Server

CONFIG = os.environ.get("FACELABEL_TEST_PROXY", "nginx.conf")
_identities: dict[str, dict[str, str]] = {}
"""By the URL of a site, the headers of its admin."""
_sites: dict[str, Any] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Change how tests start servers and open pages."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(Server, "__enter__", _enter)
    patch.setattr(Server, "__exit__", _leave)
    start = Server.start
    patch.setattr(Server, "start", lambda self: _start(start, self))
    patch.setattr(Server, "client", lambda self: _client(self.url))
    new_context, goto = Browser.new_context, Page.goto
    patch.setattr(Browser, "new_context", lambda self, **more: _open_context(new_context, self, **more))
    patch.setattr(Page, "goto", lambda self, url, **more: _go(goto, self, url, **more))


def _enter(server: Any) -> Server:
    """Start a server for an admin, and the proxy in front of it."""
    users_command(server.project, "add", "Ada", "--role", "admin", password=PASSWORD)
    token = users_command(server.project, "token", "Ada").strip()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        site = planned_site(folder, CONFIG)
        server._environment |= {
            "FACELABEL_PUBLIC_URL": site.url,
            "FACELABEL_TRUSTED_PROXIES": "127.0.0.1",
        }
        server.start()
        stack.callback(server.stop)
        stack.enter_context(serving_site(site, folder, CONFIG, server.port))
        server.url = site.url
        _identities[site.url] = {"Authorization": f"Bearer {token}"}
        _sites[site.url] = site
        server.through = stack.pop_all()
    return server


def _start(original: Any, server: Any) -> None:
    """Start a server, also again: its URL stays the site's."""
    url = server.url
    original(server)
    server.url = url or server.url


def _leave(server: Any, *_: object) -> None:
    server.through.close()


def _client(url: str) -> Client:
    client = Client(f"https://127.0.0.1:{_sites[url].port}")
    client.session = Visitor(_sites[url])
    client.session.headers.update(_identities[url])
    return client


def _open_context(original: Any, browser: Browser, **options: Any) -> BrowserContext:
    context: BrowserContext = original(browser, ignore_https_errors=True, **options)
    return context


def _go(original: Any, page: Page, url: str, **options: Any) -> Any:
    [headers] = [headers for site, headers in _identities.items() if url.startswith(site)]
    page.context.set_extra_http_headers(headers)
    return original(page, url, **options)
