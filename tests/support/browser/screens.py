"""The screens that the pages are tested on, and what a finger can hit on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.browser.chromium import open_context

LEAST_TARGET = 44
"""Pixels that a finger needs (WCAG 2.5.5)."""

_TARGETS = """least => {
    const shown = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getBoundingClientRect().width > 0;
    const small = [];
    for (const node of document.querySelectorAll('a[href], button, select, input, summary, textarea')) {
        if (!shown(node) || node.closest('.skip-link') || getComputedStyle(node).pointerEvents === 'none') continue;
        const inText = node.matches('a') && getComputedStyle(node).display === 'inline' && node.parentElement.textContent.trim() !== node.textContent.trim();
        if (inText) continue; // a link within a sentence cannot be larger than its line
        const target = node.matches('[type=checkbox], [type=radio], [type=file]') ? node.closest('label') ?? node : node;
        const { width, height } = target.getBoundingClientRect();
        if (Math.min(width, height) < least - 0.5) small.push(`${node.outerHTML.slice(0, 120)}: ${Math.round(width)} × ${Math.round(height)}`);
    }
    return small;
}"""


@dataclass(frozen=True)
class Screen:
    """A screen in CSS pixels; `touch`: it is used with fingers."""

    width: int
    height: int
    touch: bool

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


PHONE = Screen(390, 844, touch=True)
NARROW_PHONE = Screen(360, 640, touch=True)
TABLET = Screen(820, 1180, touch=True)
LAPTOP = Screen(1366, 768, touch=False)
DESKTOP = Screen(1920, 1080, touch=False)


@contextmanager
def page_on(browser: Browser, screen: Screen, **options: object) -> Iterator[Page]:
    """A page on a screen, which must not report an error."""
    problems: list[str] = []
    with context_on(browser, screen, **options) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
    assert problems == []


def context_on(browser: Browser, screen: Screen, **options: object) -> BrowserContext:
    """A browser context with the size of a screen."""
    size = {"width": screen.width, "height": screen.height}
    return open_context(browser, viewport=size, has_touch=screen.touch, is_mobile=screen.touch, **options)


_STICKING_OUT = """() => {
    const wide = Math.max(document.documentElement.scrollWidth, innerWidth) - screen.width;
    if (wide <= 0) return [];
    const nodes = [...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > screen.width + 1);
    return [`${wide} pixels wider than the screen`, ...nodes.slice(-3).map((node) => node.outerHTML.slice(0, 100))];
}"""


def sticking_out(page: Page) -> list[str]:
    """By how much the page is wider than the screen, and the innermost elements that are."""
    screen = page.viewport_size
    assert screen
    return list(page.evaluate(_STICKING_OUT.replace("screen.width", str(screen["width"]))))


def small_targets(page: Page) -> list[str]:
    """What is shown and smaller than a finger needs; links within a sentence are left out."""
    return list(page.evaluate(_TARGETS, LEAST_TARGET))
