"""A new labeller qualifies by keys or by touch: feedback after each image, told kindly when it was not enough, then the queue."""

import pytest
from playwright.sync_api import Browser

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.team.qualification import QualificationSettings, change_qualification
from tests.support.browser.pages import axe_faults, log_in, wait_until_ready
from tests.support.browser.screens import LAPTOP, PHONE, Screen, page_on, small_targets, sticking_out
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL
from tests.support.projects.team import make_gold_images
from tests.support.serving import Server

pytestmark = pytest.mark.browser
KEYS = {name: "-" if code is None else str(code) for name, code in ALL.items()}


@pytest.mark.parametrize("screen", [PHONE, LAPTOP], ids=["touch", "keys"])
def test_somebody_qualifies(
    browser: Browser, filled: ProjectFolder, screen: Screen, request: pytest.FixtureRequest
):
    make_gold_images(filled, 10, 11, 12, 13)
    with filled.database.write() as session:
        for name, role in (("Adm", "admin"), ("New", "labeller")):
            add_account(session, name, role, PASSWORD)
        change_qualification(session, QualificationSettings(images=2, pass_mark=0.8))
    with Server(filled.path) as server, page_on(browser, screen, bypass_csp=True) as page:

        def answer(wrong: str | None = None) -> None:
            for question in page.locator(".question").all():
                name = question.get_attribute("data-attribute") or ""
                key = "-" if name == wrong else KEYS[name]
                if screen.touch:
                    question.locator(f"[data-code='{key}']").tap()
                else:
                    assert question.get_attribute("data-current") is not None
                    page.keyboard.press(key)

        def go_on() -> None:
            page.locator("#send").tap() if screen.touch else page.keyboard.press("Enter")

        page.goto(f"{server.url}/browse")
        log_in(page, "New")
        page.get_by_role("button", name="Start").click()
        page.locator("#count", has_text="1 of 2 in your qualification").wait_for()
        go_on()
        page.locator("#result", has_text="has no answer yet").wait_for()
        for number in (1, 2):
            answer(wrong="freckles" if number == 1 else None)
            go_on()
            page.locator("#result", has_text="right.").wait_for()
            if number == 1:
                assert page.locator("[data-attribute=freckles]").get_attribute("data-right") == "false"
                assert "the answer is" in page.locator("[data-attribute=freckles] .verdict").inner_text()
                assert axe_faults(page) == []
                assert sticking_out(page) == []
                if screen.touch:
                    assert small_targets(page) == []
                page.screenshot(
                    path=f"{request.getfixturevalue('tmp_path')}/qualify-{screen.width}.png",
                    full_page=True,
                )
            assert "gold" not in page.locator("main").inner_text().lower()
            go_on()
        page.get_by_role("heading", name="You have passed").wait_for()
        page.get_by_role("link", name="Start labelling").click()
        wait_until_ready(page)
        assert page.url == f"{server.url}/"


def test_who_does_not_pass_may_try_again_and_the_admin_sees_it_and_lets_pass(
    browser: Browser, filled: ProjectFolder, request: pytest.FixtureRequest
):
    make_gold_images(filled, 10)
    with filled.database.write() as session:
        for name, role in (("Adm", "admin"), ("New", "labeller")):
            add_account(session, name, role, PASSWORD)
    with Server(filled.path) as server, page_on(browser, LAPTOP) as page:
        page.goto(f"{server.url}/team")
        log_in(page, "Adm")
        page.locator("#qualify [name=images]").fill("1")
        page.locator("#qualify button").click()
        page.locator("#candidates", has_text="New has not begun").wait_for()
        page.get_by_role("button", name="Log out").click()
        log_in(page, "New")
        page.get_by_role("button", name="Start").click()
        page.locator(".question").first.wait_for()
        for _ in page.locator(".question").all():
            page.keyboard.press("-")
        page.keyboard.press("Enter")
        page.locator("#result", has_text="of").wait_for()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Not yet").wait_for()
        assert page.get_by_role("button", name="Try again").is_visible()
        page.get_by_role("button", name="Log out").click()
        log_in(page, "Adm")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(f"{server.url}/team")
        row = page.locator("#candidates li", has_text="did not pass yet")
        page.locator("#qualification").screenshot(
            path=f"{request.getfixturevalue('tmp_path')}/qualification-team.png"
        )
        row.get_by_role("button", name="Let pass").click()
        page.locator("#candidates li[data-qualified=true]").wait_for()
