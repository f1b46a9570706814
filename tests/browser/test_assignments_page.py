"""The part of the team page that assigns images to people, and what a labeller then sees."""

import pytest
from playwright.sync_api import Browser, Page

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from tests.support.browser.pages import axe_faults, log_in
from tests.support.browser.screens import LAPTOP, PHONE, Screen, page_on, small_targets, sticking_out
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("screen", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_a_view_of_browse_is_assigned_and_released(
    browser: Browser, filled: ProjectFolder, screen: Screen, request: pytest.FixtureRequest
):
    with filled.database.write() as session:
        for name, role in (("Adm", "admin"), ("Rob", "reviewer"), ("Lea", "labeller")):
            add_account(session, name, role, PASSWORD)
    named = sum(name.startswith("000") for name in names_of(filled))
    with Server(filled.path) as server, page_on(browser, screen, bypass_csp=True) as page:
        page.goto(f"{server.url}/browse?name=000")
        log_in(page, "Rob")
        page.get_by_role("link", name="Assign …").click()
        page.locator("#assigned-images", has_text="name 000").wait_for()
        page.get_by_role("checkbox", name="Lea").check()
        page.locator("#assignment").get_by_role("button", name="Preview").click()
        page.locator("#assignment-effect", has_text=f"Lea: {named} images").wait_for()
        page.get_by_role("button", name="Assign", exact=True).click()
        page.locator("#assignments .pools", has_text=f"0 of {named}").wait_for()
        page.goto(f"{server.url}/team")
        page.get_by_label("Percentage of Lea").fill("25")
        page.get_by_label("Percentage of Rob").fill("75")
        page.locator("#assignment").get_by_role("button", name="Preview").click()
        page.locator("#assignment-effect", has_text=f"{named} images assigned already").wait_for()
        page.get_by_role("button", name="Assign", exact=True).click()
        page.locator("#assignments > li").nth(1).wait_for()
        if shots := request.config.getoption("--basetemp"):
            page.locator("#assign").screenshot(path=f"{shots}/assign-{screen.width}.png")
        assert axe_faults(page) == []
        assert sticking_out(page) == []
        if screen is PHONE:
            assert small_targets(page) == []
        page.get_by_role("button", name="Release").nth(1).click()
        page.locator("#assignments > li[data-state=released]", has_text="name 000").wait_for()


def test_a_labeller_without_images_is_told_that_they_are_assigned_to_others(
    page: Page, filled: ProjectFolder
):
    with filled.database.write() as session:
        for name, role in (("Adm", "admin"), ("Lea", "labeller")):
            add_account(session, name, role, PASSWORD)
    with Server(filled.path) as server:
        client = server.client()
        client.session.post(f"{server.url}/api/v1/login", json={"name": "Adm", "password": PASSWORD})
        me = client.get("/team")["members"]
        adm = next(member["id"] for member in me if member["name"] == "Adm")
        client.post("/team/assignments", {"people": [{"labeller": adm}]}, "k").raise_for_status()
        page.goto(server.url)
        log_in(page, "Lea")
        page.locator("#waiting-reason", has_text="No image is left for you").wait_for()
