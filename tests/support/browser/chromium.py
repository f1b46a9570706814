"""How tests, benchmarks and documentation start Chromium."""

import os
import shutil
from typing import Any

from playwright.sync_api import Browser, BrowserContext

SECOND = 1000
"""Playwright counts time in milliseconds."""

PATIENCE = 120 * SECOND
"""How long a test waits for what a page is to show. The machine may be busy with other tests; none asserts a duration."""


def chromium_options() -> dict[str, Any]:
    """The arguments with which Playwright launches this machine's Chromium."""
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


def open_context(browser: Browser, **options: Any) -> BrowserContext:
    """A browser context whose pages wait with the patience of the tests."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context
