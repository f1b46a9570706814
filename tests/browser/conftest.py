"""A real Chromium."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

SECONDS = 1000


def chromium() -> dict[str, Any]:
    """How this machine's Chromium is launched."""
    # The first takes a third less of the processor: it is the same browser without windows.
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    executable = os.environ.get("FACELABEL_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert executable, "the browser tests need Chromium; `make chromium` installs it"
    arguments = [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return {"executable_path": executable, "args": arguments}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**chromium())
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a laptop's size that must not report an error."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        opened = context.new_page()
        opened.set_default_timeout(20 * SECONDS)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        yield opened
        assert problems == []
