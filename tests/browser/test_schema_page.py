"""The schema page: every user reads it; an admin previews changes and confirms them once."""

import re

import pytest
from playwright.sync_api import Page

from annotator.domain.schema import parse_schema
from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.schema.active import read_schema
from tests.support.browser.pages import axe_faults, log_in
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.labelling import answer_images, done_count, labels_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def opened(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/schema")
    page.wait_for_selector("html[data-state=ready]", state="attached")


def told(page: Page, text: str) -> None:
    page.locator("#changes li", has_text=text).wait_for()


def test_an_admin_previews_changes_and_applies_them_at_once(page: Page, filled: ProjectFolder):
    _, [image, *_] = answer_images(filled)
    with Server(filled.path) as server:
        opened(page, server)
        page.get_by_role("button", name="Edit Glasses").press("Enter")
        page.get_by_label("Action for 2 sunglasses").select_option("split into …")
        page.locator("#state.problem", has_text="needs a name").wait_for()
        page.keyboard.type("dark")
        page.get_by_label("Name of value 4").fill("<b>tinted</b>")
        told(page, "3 labels open again, 3 done images are asked again")
        page.get_by_role("button", name="Edit Hair colour").press("Enter")
        page.get_by_label("Action for 8 not visible").select_option("merge into 7 other")
        told(page, "merge the value 8 'not visible' into 7 'other' (3 labels change)")
        page.get_by_role("button", name="Move Wrinkles down").press("Enter")
        told(page, "change the order of the attributes")
        assert done_count(filled) == 3
        page.get_by_role("button", name="Apply …").press("Enter")
        page.locator("#confirm").get_by_role("button", name="Cancel").press("Enter")
        assert done_count(filled) == 3
        page.get_by_role("button", name="Apply …").press("Enter")
        page.locator("#confirm").get_by_role("button", name="Apply").press("Enter")
        page.get_by_text("5 changes applied and written to attributes.toml.").wait_for()
        assert page.locator("#attributes b:not(.code)").count() == 0
        page.get_by_text("split into 3 dark, 4 <b>tinted</b>").wait_for()
    assert done_count(filled) == 0
    assert labels_of(filled, image)["hair_color"] == 7
    with filled.database.read() as session:
        schema = read_schema(session)
    assert [a.name for a in schema.attributes][:2] == ["freckles", "wrinkles"]
    assert parse_schema(filled.schema_file.read_text(encoding="utf-8")) == schema


def test_an_attribute_is_added_and_another_one_renamed(page: Page, filled: ProjectFolder):
    _, [image, *_] = answer_images(filled)
    with Server(filled.path) as server:
        opened(page, server)
        page.get_by_role("button", name="Add an attribute").press("Enter")
        page.keyboard.type("Beard")
        added = page.locator(".attribute.editing").last
        added.get_by_label("Column in labels.csv").fill("beard")
        told(page, "add the attribute beard (3 done images are asked again)")
        page.get_by_role("button", name="Edit Glasses").press("Enter")
        page.locator("[data-attribute=glasses]").get_by_label("Column in labels.csv").fill("wrinkles")
        page.locator("#state.problem", has_text="given twice").wait_for()
        page.locator("[data-attribute=glasses]").get_by_label("Column in labels.csv").fill("eyewear")
        told(page, "rename the attribute glasses to eyewear")
        page.get_by_role("button", name="Apply …").press("Enter")
        page.locator("#confirm").get_by_role("button", name="Apply").press("Enter")
        page.locator("#message", has_text="applied").wait_for()
        page.goto(server.url)
        page.locator("[data-attribute=beard]").first.wait_for()
    assert labels_of(filled, image)["eyewear"] == 2


def test_unapplied_changes_can_be_discarded(page: Page, server: Server):
    opened(page, server)
    page.get_by_role("button", name="Edit Glasses").click()
    page.get_by_role("button", name="Add a value").press("Enter")
    page.keyboard.type("monocle")
    told(page, "add the value 3 'monocle'")
    page.get_by_role("button", name="Discard").press("Enter")
    page.get_by_text("No changes yet.").wait_for()
    assert page.get_by_text("monocle").count() == 0


def test_a_user_who_is_not_admin_can_only_read(page: Page, filled: ProjectFolder):
    with filled.database.write() as session:
        add_account(session, "Lea", "labeller", PASSWORD)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/schema")
        log_in(page, "Lea")
        page.get_by_text("Only an admin can change the schema.").wait_for()
        assert page.get_by_role("button", name=re.compile("Edit|Move|Add")).count() == 0
        assert page.locator("#changes").is_hidden()


def test_the_schema_page_with_changes_has_no_serious_fault(injectable: Page, server: Server):
    page = injectable
    opened(page, server)
    for name in ("Glasses", "Hair colour"):
        page.get_by_role("button", name=f"Edit {name}").click()
    page.get_by_label("Action for 2 sunglasses").select_option("merge into 1 glasses")
    told(page, "merge the value 2")
    assert axe_faults(page) == []
    page.get_by_role("button", name="Apply …").click()
    assert axe_faults(page) == []


def test_a_new_attribute_is_no_mistake_before_its_title_is_typed(page: Page, filled: ProjectFolder):
    with Server(filled.path) as server:
        opened(page, server)
        page.get_by_role("button", name="Add an attribute").click()
        page.locator("#state:not(.problem)", has_text="Type a title").wait_for()
        page.locator(".attribute.editing").last.get_by_label("Column in labels.csv").fill("beard")
        told(page, "add the attribute beard")
