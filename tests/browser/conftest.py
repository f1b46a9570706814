"""Fixtures that open pages in Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser.chromium import PATIENCE, chromium_options, open_context


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**chromium_options())
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a laptop's size that must not report an error."""
    with open_context(browser, viewport={"width": 1366, "height": 768}) as context:
        opened = context.new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        yield opened
        assert problems == []


@pytest.fixture
def injectable(browser: Browser) -> Iterator[Page]:
    """A page that lets axe in past the content security policy."""
    size = {"width": 1366, "height": 768}
    with open_context(browser, bypass_csp=True, viewport=size) as context:
        yield context.new_page()
