"""Take-backs on the team page."""

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.projects.labelling import ALL, Person, done_count
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_answers_of_a_labeller_are_previewed_undone_and_restored(page: Page, filled: ProjectFolder):
    bob = Person(filled, "Bob")
    for task in bob.next(4):
        bob.answer(task, ALL)
    page.set_viewport_size({"width": 390, "height": 844})
    with Server(filled.path) as server:
        page.goto(f"{server.url}/team")
        section = page.locator("#take-back")
        section.get_by_label("Labeller").select_option("Bob")
        section.get_by_role("button", name="Preview").click()
        section.get_by_text("24 answers in 4 images would no longer count.").wait_for()
        assert "queue: 4" in section.locator("#effect").inner_text()
        section.get_by_role("button", name="Take back", exact=True).click()
        page.locator("#message", has_text="no longer count").wait_for()
        assert done_count(filled) == 0
        past = section.locator("#past-take-backs li")
        assert "undid 24 answers of Bob" in past.inner_text()
        past.get_by_role("button", name="Undo").click()
        past.get_by_text("Undone.").wait_for()
    assert done_count(filled) == 4
