"""Every page of the app, and what a test does on any of them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.accounts import PASSWORD

PAGES = {
    # path: what is there once the page is ready
    "/": "html[data-state=ready]",
    "/sweep": "html[data-state=ready]",
    "/people": "html[data-state=empty]",
    "/people/all": "html[data-state=ready]",
    "/browse": "html[data-state=ready]",
    "/review": "html[data-state=ready]",
    "/groups": "html[data-state=ready]",
    "/schema": "html[data-state=ready]",
    "/team": "html[data-state=ready]",
    "/import": "html[data-state=ready]",
    "/rounds": "html[data-state=ready]",
    "/insights": "html[data-state=ready]",
    "/snapshots": "html[data-state=ready]",
}


def serious(page: Page) -> list[str]:
    """The serious and critical faults, each with the first place where it occurs."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
    ]


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-state=ready]", state="attached")


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_role("heading", name="Log in").wait_for()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
