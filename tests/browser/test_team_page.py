"""The team page: from a single user to a team with metrics, settings, accounts and gold images."""

import pytest
from playwright.sync_api import Page, Route

from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from tests.support.browser.pages import log_in
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import (
    answer_everything,
    answer_glasses,
    make_gold_images,
    set_team_settings,
    withhold_suggestions,
)
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_a_single_user_becomes_the_first_admin_and_adds_the_others(page: Page, server: Server):
    page.goto(f"{server.url}/team")
    page.get_by_role("heading", name="Start a team").wait_for()
    page.locator("#first").get_by_label("Name").fill("Ada")
    page.locator("#first").get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the admin account").click()
    log_in(page, "Ada")
    page.get_by_role("heading", name="Accounts").wait_for()
    page.locator("#add").get_by_label("Name").fill('<b onclick="x">Bob</b>')
    page.locator("#add").get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.locator("#message", has_text="The account is created.").wait_for()  # one change at a time
    assert page.locator("#account-list b, #members th b").count() == 0
    page.locator(".account summary", has_text="Bob").press("Enter")
    bob = page.locator(".account[open]")
    bob.get_by_label("Token for a program").fill("nightly export")
    bob.get_by_role("button", name="Create").click()
    secret = page.locator(".secret code").inner_text()
    assert secret.startswith("fl_")
    page.locator("#message", has_text="The token is created.").wait_for()
    bob.get_by_role("button", name="Revoke").click()
    page.locator("#message", has_text="Revoked.").wait_for()
    bob.get_by_role("button", name="Disable").click()
    bob.get_by_role("button", name="Enable").wait_for()
    assert secret not in page.content()


def test_a_reviewer_sees_agreement_sets_overlap_and_aggregates(page: Page, filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=3, gold_share=0.0)
    with filled.database.write() as session:
        add_account(session, "Rob", "reviewer", PASSWORD)
    people = [Person(filled, name) for name in ("Lea", "Lou", "Lin")]
    for number, person in enumerate(people):
        for task in person.next(40):
            glasses = 2 if number else task.image_id % 2 * 2
            person.answer(task, ALL | {"glasses": glasses, "wrinkles": task.image_id % 2}, milliseconds=2000)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/team")
        log_in(page, "Rob")
        row = page.locator("tr[data-member=Lou]")
        assert row.locator("td").nth(2).inner_text() == "2.0 s"
        assert row.locator("td").nth(3).inner_text() == "1,800"
        assert page.locator("tr[data-attribute=wrinkles] b").first.inner_text() == "1.00"
        assert page.locator("tr[data-attribute=glasses] svg.interval .range").count() > 0
        page.get_by_role("button", name="Preview aggregation").click()
        page.get_by_text("20 labels would change").wait_for()
        page.get_by_role("button", name="Aggregate now").click()
        page.get_by_text("20 labels changed").wait_for()
        assert "differ in about 32 % of 40 images" in page.locator("li[data-attribute=glasses]").inner_text()
        page.get_by_label("% of the images").fill("12.5")
        page.locator("[name=relabel_share]").fill("7.5")
        page.get_by_label("% sure").fill("98.5")
        assert page.locator("[name=withhold_share]").input_value() == "3"
        page.locator("[name=withhold_share]").fill("2.5")
        page.get_by_role("button", name="Save the settings").click()
        page.get_by_text("The settings are saved.").wait_for()
        page.reload()
        page.locator("#agree").wait_for()
        assert page.get_by_label("% of the images").input_value() == "12.5"
        assert page.locator("[name=relabel_share]").input_value() == "7.5"
        assert page.get_by_label("% sure").input_value() == "98.5"
        assert page.locator("[name=withhold_share]").input_value() == "2.5"
        assert page.locator("#accounts").is_hidden()
    assert labels_of(filled, 2)["glasses"] == 2


def test_what_is_saved_while_the_page_loads_counts(page: Page, filled: ProjectFolder):
    with filled.database.write() as session:
        add_account(session, "Adm", "admin", PASSWORD)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with Server(filled.path) as server:
        page.route("**/team/qualification", hold, times=1)
        page.goto(f"{server.url}/team")
        with page.expect_request("**/team/qualification"):
            log_in(page, "Adm")
        page.locator("[name=relabel_share]").fill("7.5")
        page.get_by_role("button", name="Save the settings").click()
        assert page.locator("#qualify").is_hidden()
        assert page.locator("#message").inner_text() == "Loading …"
        held[0].continue_()
        page.get_by_text("The settings are saved.").wait_for()
        assert page.locator("[name=relabel_share]").input_value() == "7.5"
        assert page.locator("#qualify [name=images]").input_value() == "0"


def test_a_reviewer_sees_how_far_people_follow_suggestions(
    page: Page, filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    withhold_suggestions(filled, monkeypatch)
    answer_glasses(Person(filled, "Ada"), blind=1)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/team")
        row = page.locator("#followed tr[data-anchoring=glasses]")
        row.wait_for()
        assert row.locator("td").first.inner_text().startswith("100 % of ")
        assert row.locator("td").nth(1).inner_text().startswith("0 % of ")
        assert row.locator("td").nth(2).inner_text() == "too few to say"


def test_a_labeller_sees_only_their_own_metrics(page: Page, filled: ProjectFolder):
    with filled.database.write() as session:
        add_account(session, "Lea", "labeller", PASSWORD)
        add_account(session, "Lou", "labeller", PASSWORD)
    answer_everything([Person(filled, "Lea"), Person(filled, "Lou")])
    with Server(filled.path) as server:
        page.goto(f"{server.url}/team")
        log_in(page, "Lea")
        page.locator("tr[data-member=Lea]").wait_for()
        assert page.locator("tr[data-member]").count() == 1
        for section in ("agreement", "settings", "accounts", "begin"):
            assert page.locator(f"#{section}").is_hidden()


def test_one_press_makes_a_decided_image_gold(page: Page, filled: ProjectFolder):
    save_correction(filled, Person(filled), 3, ALL, "d", adjudicate=True)
    make_gold_images(filled, 4)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/browse/3")
        page.get_by_role("button", name="Make gold").click()
        page.get_by_role("button", name="Gold: measures labellers").click()
        page.get_by_role("button", name="Make gold").wait_for()
        page.goto(f"{server.url}/browse/5")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        assert page.locator("#gold").is_hidden()
        page.goto(f"{server.url}/team")
        page.get_by_text("1 image with known answers").wait_for()
