"""Correcting names on the list of people: a split, and the undo of a run of names."""

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.projects.naming import describe_five, identities
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_chosen_faces_get_another_name_and_a_run_of_names_is_undone(page: Page, filled: ProjectFolder):
    me = describe_five(filled)
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images)
    me.confirm("Bea", second.images)
    page.set_viewport_size({"width": 1366, "height": 768})
    with Server(filled.path) as server:
        page.goto(f"{server.url}/people/all#0")
        page.get_by_role("heading", name="Ada").wait_for()
        boxes = page.locator("#gallery input")
        boxes.nth(0).check()
        boxes.nth(1).check()
        page.get_by_label("2 chosen faces: who is it?").fill("Zoe")
        page.get_by_role("button", name="Split").click()
        page.locator("#message", has_text="2 faces of Zoe").wait_for()
        assert sorted(identities(filled).values()).count(2) == 2
        page.locator("#undo").click()
        page.locator("#message", has_text="Undone.").wait_for()
        assert set(identities(filled).values()) == {0, 1}
        page.get_by_text("Names that you gave last").click()
        page.get_by_role("button", name="Undo from here on").last.click()
        page.locator("#message", has_text="2 sets undone").wait_for()
        assert identities(filled) == {}
