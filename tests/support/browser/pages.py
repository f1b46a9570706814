"""All pages of the app, and what tests do on every one of them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.projects.accounts import PASSWORD

PAGES = {
    "/": "html[data-state=ready]",
    "/sweep": "html[data-state=ready]",
    "/people": "html[data-state=empty]",
    "/people/all": "html[data-state=ready]",
    "/browse": "html[data-state=ready]",
    "/map": "html[data-state=ready]",
    "/review": "html[data-state=ready]",
    "/groups": "html[data-state=ready]",
    "/schema": "html[data-state=ready]",
    "/team": "html[data-state=ready]",
    "/access-log": "html[data-state=ready]",
    "/account": "html[data-state=ready]",
    "/import": "html[data-state=ready]",
    "/rounds": "html[data-state=ready]",
    "/insights": "html[data-state=ready]",
    "/fill": "html[data-state=ready]",
    "/snapshots": "html[data-state=ready]",
    "/words": "#words",
    "/qualification": "html[data-state=ready]",
}
"""By path, the selector that matches once the page of an empty project is ready."""


def axe_faults(page: Page) -> list[str]:
    """The serious and critical accessibility faults, each with the first element that has it.

    In the other colour scheme only the contrast is checked: nothing else differs.
    """
    faults = _faults(page)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    shown, other = ("dark", "light") if dark else ("light", "dark")
    page.emulate_media(color_scheme=other, reduced_motion="reduce")  # colours change at once  # type: ignore[arg-type]
    faults += [f"{other}: {fault}" for fault in _faults(page, {"runOnly": ["color-contrast"]})]
    page.emulate_media(color_scheme=shown)  # type: ignore[arg-type]
    page.evaluate("getComputedStyle(document.body).color")  # they have changed before they may move again
    page.emulate_media(reduced_motion="no-preference")
    return faults


def _faults(page: Page, options: dict[str, list[str]] | None = None) -> list[str]:
    """What axe finds with its own options, such as some of its rules."""
    found = Axe().run(page, options=(options or {}) | {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
    ]


def wait_until_ready(page: Page) -> None:
    page.wait_for_selector("html[data-state=ready]", state="attached")


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Log in on the login page, once it is shown."""
    page.get_by_role("heading", name="Log in").wait_for()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
