"""Logging in, and answers that wait for the next login after the session has expired."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from annotator.project import ProjectFolder
from annotator.services.accounts import set_password
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import shown_image, wait_until_sent
from tests.support.browser.pages import log_in
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_the_requested_page_opens_after_login_and_logout_returns_to_the_login(
    page: Page, filled: ProjectFolder
):
    users_command(filled.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/snapshots")
        log_in(page, "Ada", "not the password")
        page.get_by_text("Name or password is wrong.").wait_for()
        log_in(page, "Ada")
        page.get_by_role("heading", name="Export", exact=True).wait_for()
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in").wait_for()


def test_a_login_never_redirects_to_another_site(page: Page, filled: ProjectFolder):
    users_command(filled.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/login?next=//evil.example/x")
        log_in(page, "Ada")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        assert page.url == f"{server.url}/"


def test_a_password_is_never_put_into_the_address_before_the_script_has_loaded(
    browser: Browser, filled: ProjectFolder
):
    users_command(filled.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with (
        Server(filled.path) as server,
        open_context(browser, java_script_enabled=False) as context,
        context.new_page() as page,
    ):
        page.goto(f"{server.url}/login")
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Log in").click(force=True)
        assert page.url == f"{server.url}/login"


def test_answers_given_after_the_session_expired_are_sent_after_the_next_login(
    page: Page, filled: ProjectFolder, tmp_path: Path
):
    users_command(filled.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with Server(filled.path) as server:
        page.goto(server.url)
        log_in(page, "Ada")
        shown_image(page)
        with filled.database.write() as session:
            set_password(session, "Ada", "another long password")
        names = []
        for _ in range(3):
            image = shown_image(page)
            names.append(page.locator("#image-name").text_content())
            for digit in "010200":
                page.keyboard.press(digit)
            page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
        page.get_by_role("link", name="Log in again").click()
        log_in(page, "Ada", "another long password")
        shown_image(page)
        wait_until_sent(page)
        found = exported_labels(server.project, tmp_path / "s")
    assert sorted(name for name, row in found.items() if row) == sorted(names)
