"""The page of one account, the access log, and the login through an OpenID Connect provider."""

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from tests.support.browser.openid_provider import Provider
from tests.support.browser.pages import log_in, wait_until_ready
from tests.support.projects.accounts import PASSWORD, logged_in
from tests.support.serving import Server

pytestmark = pytest.mark.browser

NEW = "quiet otters read maps"


def test_a_labeller_changes_the_password_ends_a_session_and_makes_a_token(page: Page, filled: ProjectFolder):
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        add_account(session, "Lea", "labeller", PASSWORD)
    with Server(filled.path) as server:
        phone = logged_in(server, "Lea", agent="Firefox/140.0 (Android 15; Mobile)")
        page.goto(f"{server.url}/account")
        log_in(page, "Lea")
        page.locator("[data-session]", has_text="this browser").wait_for()
        page.locator("[data-session]", has_text="Firefox on Android").get_by_role("button").click()
        page.get_by_text("That browser is logged out.").wait_for()
        assert phone.session.get(f"{server.url}/api/v1/me", timeout=60).status_code == 401
        page.get_by_label("For", exact=True).fill("camera <b>")
        page.get_by_role("button", name="Create a token").click()
        assert page.locator(".secret code").inner_text().startswith("fl_")
        page.locator("[data-token]", has_text="camera <b>").wait_for()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill("password1234")
        page.get_by_role("button", name="Change the password").click()
        page.get_by_text("easy to guess").wait_for()
        page.get_by_label("New password").fill(NEW)
        page.get_by_role("button", name="Change the password").click()
        page.get_by_text("The password is changed.").wait_for()
        assert page.locator("[data-token]").count() == 0
        page.get_by_role("button", name="Log out everywhere").click()
        log_in(page, "Ada")
        wait_until_ready(page)
        page.goto(f"{server.url}/access-log")
        page.locator("tr[data-event='password changed']", has_text="Lea").wait_for()
        page.get_by_label("Kind").select_option("login")
        page.locator("tr[data-event='password changed']").wait_for(state="detached")
        page.locator("[name=account]").select_option(label="Lea")
        page.locator("tr[data-event=login]", has_text="Ada").wait_for(state="detached")
        assert page.locator("tr[data-event=login]", has_text="Firefox on Android").count() == 1


def test_log_in_role_change_and_log_out_through_a_provider(page: Page, filled: ProjectFolder):
    with (
        Provider() as provider,
        Server(
            filled.path,
            FACELABEL_OIDC_ISSUER=provider.url,
            FACELABEL_OIDC_CLIENT_ID="facelabel",
            FACELABEL_OIDC_CLIENT_SECRET="a secret",
            FACELABEL_OIDC_ROLES='{"face-admins": "admin"}',
        ) as server,
    ):
        provider.add_user("1", preferred_username="Lea", roles=["staff"])

        def through_the_provider() -> None:
            page.get_by_role("link", name="Log in through localhost").click()
            page.get_by_placeholder("sub").fill("1")
            page.get_by_role("button", name="Authorize").click()

        page.goto(f"{server.url}/team")
        through_the_provider()
        page.locator("tr[data-member=Lea]").wait_for()
        assert page.url == f"{server.url}/team"
        assert page.locator("html").get_attribute("data-role") == "labeller"
        provider.add_user("1", preferred_username="Lea", roles=["face-admins"])
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("button", name="End session").click()
        page.get_by_role("heading", name="Log in").wait_for()
        assert provider.logouts()[0]["post_logout_redirect_uri"] == f"{server.url}/login"
        page.goto(f"{server.url}/access-log")
        through_the_provider()
        page.locator("tr[data-event=logout]", has_text="Lea").wait_for()
        assert page.locator("html").get_attribute("data-role") == "admin"
        page.goto(f"{server.url}/account")
        page.locator("[data-session]", has_text="this browser").wait_for()
        assert page.locator("#password").is_hidden()
        assert page.locator("#identity").is_hidden()
        with filled.database.write() as session:
            add_account(session, "Gus", "labeller", PASSWORD)
        provider.add_user("2", preferred_username="gus", roles=["face-admins"])
        page.context.clear_cookies()
        page.goto(f"{server.url}/account")
        log_in(page, "Gus")
        page.get_by_label("Your password here").fill(PASSWORD)
        page.get_by_role("button", name="Link", exact=True).click()
        page.get_by_placeholder("sub").fill("2")
        page.get_by_role("button", name="Authorize").click()
        page.get_by_text("Your login there opens this account, too.").wait_for()
        assert page.url == f"{server.url}/account"
        page.get_by_label("Your password here").fill(PASSWORD)
        page.get_by_role("button", name="Unlink").click()
        page.get_by_text("Your login there can open this account, too.").wait_for()
