"""How tests, benchmarks and documentation start Chromium."""

import os
import shutil
from typing import Any

SECOND = 1000
"""Playwright counts time in milliseconds."""


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
