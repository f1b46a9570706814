"""Many people who look through Browse at once, each in a separate browser context."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.support.browser.chromium import open_context


@contextmanager
def crowd(browser: Browser, url: str, people: int) -> Iterator[list[Page]]:
    """Open Browse in so many contexts, and wait until each shows images."""
    contexts = [open_context(browser) for _ in range(people)]
    try:
        pages = [context.new_page() for context in contexts]
        for page in pages:
            page.goto(f"{url}/browse", wait_until="commit", timeout=120_000)
        for page in pages:
            page.locator("#grid img").first.wait_for(timeout=120_000)
        yield pages
    finally:
        for context in contexts:
            context.close()


def look_through(pages: list[Page], goes_on: Callable[[], bool], pause: int = 50) -> int:
    """Scroll the pages in turn, with `pause` milliseconds between two, as long as it goes on; returns how often."""
    times = 0
    while goes_on():
        page = pages[times % len(pages)]
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(pause)
        times += 1
    return times
