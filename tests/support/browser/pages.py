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
    """The serious and critical accessibility faults, each with the first element that has it."""
    faults = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}"
        for fault in faults
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
