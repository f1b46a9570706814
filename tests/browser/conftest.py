"""Fixtures that open pages in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser.chromium import SECOND, chromium_options


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**chromium_options())
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a laptop's size that must not report an error."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        opened = context.new_page()
        opened.set_default_timeout(20 * SECOND)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        yield opened
        assert problems == []


@pytest.fixture(scope="module", params=["light", "dark"])
def injectable(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that lets axe in past the content security policy."""
    size = {"width": 1366, "height": 768}
    with browser.new_context(bypass_csp=True, color_scheme=request.param, viewport=size) as context:  # type: ignore[arg-type]
        yield context.new_page()
