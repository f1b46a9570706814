"""The browse page: filters in the address, corrections, hostile names as text."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.pages import wait_until_ready
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import LIMITS, image_of, import_images, names_of
from tests.support.projects.labelling import ALL, Person, done_count, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.serving import Server

pytestmark = pytest.mark.browser

HOSTILE_NAME = "<img src=x onerror=document.title='owned'>.jpg"
HOSTILE_NOTE = "<script>document.title='owned'</script> =HYPERLINK(\"http://evil.example\")"


def test_a_view_is_filtered_linked_and_opened_and_a_correction_is_undone(page: Page, filled: ProjectFolder):
    me = Person(filled)
    names = names_of(filled, split="train")[:3]
    for name in names:
        save_correction(filled, me, image_of(filled, name), ALL | {"glasses": 1}, name)
    image = image_of(filled, names[1])
    with Server(filled.path) as server:
        page.goto(f"{server.url}/browse")
        wait_until_ready(page)
        assert page.locator("[data-image]").count() == 40
        page.get_by_label("Attribute").select_option("glasses")
        page.locator("select[name=value]").select_option("1")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/browse?attribute=glasses&value=1")
        wait_until_ready(page)
        assert page.locator(".tile-name").all_inner_texts() == names
        page.locator(f'[data-image="{image}"]').dblclick()
        page.wait_for_url(f"**/browse/{image}?attribute=glasses&value=1")
        wait_until_ready(page)
        page.get_by_label("adjudicate").check()
        page.goto(f"{server.url}/browse/{image_of(filled, names[0])}?attribute=glasses&value=1")
        wait_until_ready(page)
        page.locator("#next").click()
        page.wait_for_url(f"**/browse/{image}?attribute=glasses&value=1")
        wait_until_ready(page)
        assert page.get_by_label(
            "adjudicate"
        ).is_checked()  # a row of images is decided without checking it anew
        page.locator("[data-attribute=glasses] [data-code='2']").click()
        page.wait_for_selector("[data-attribute=glasses] [data-code='2'][aria-pressed=true]")
        assert "adjudicated" in page.locator("[data-attribute=glasses]").inner_text()
        assert labels_of(filled, image) == ALL | {"glasses": 2}
        page.get_by_role("button", name="Undo").click()
        page.wait_for_selector("[data-attribute=glasses] [data-code='1'][aria-pressed=true]")
        page.locator("[data-attribute=glasses] summary").click()
        history = page.locator("[data-attribute=glasses] .history li")
        assert [item.get_attribute("data-origin") for item in history.all()] == ["undo", "review", "human"]
        assert history.nth(1).get_attribute("data-undone") == "true"
        page.keyboard.press("ArrowRight")
        page.wait_for_url(f"**/browse/{image_of(filled, names[2])}?**")
    assert done_count(filled) == 3


def test_the_grid_pages_forwards_and_back(page: Page, tmp_path: Path, filled: ProjectFolder):
    with Server(filled.path) as server:
        names = names_of(filled)
        page.goto(f"{server.url}/browse?after={names[9]}")
        wait_until_ready(page)
        assert page.locator(".tile-name").all_inner_texts() == names[10:]
        page.locator("#previous").click()
        page.wait_for_url("**/browse?before=**")
        wait_until_ready(page)
        assert page.locator(".tile-name").all_inner_texts() == names[:10]


def test_hostile_names_people_and_notes_are_shown_as_text(page: Page, tmp_path: Path, faces: Path):
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / HOSTILE_NAME).write_bytes((faces / "0001.jpg").read_bytes())
    project = init_project(tmp_path / "project")
    import_images(project, [folder], LIMITS)
    save_correction(project, Person(project), 1, {"identity": HOSTILE_NAME}, "c")
    project.database.close()
    with Server(project.path) as server:
        page.goto(f"{server.url}/browse")
        wait_until_ready(page)
        assert page.locator(".tile-name").inner_text() == HOSTILE_NAME
        page.goto(f"{server.url}/browse/1")
        wait_until_ready(page)
        page.get_by_role("textbox", name="Note").fill(HOSTILE_NOTE)
        page.get_by_role("button", name="Flag").click()
        assert page.locator("[data-flag] .note").inner_text() == HOSTILE_NOTE
        assert HOSTILE_NAME in page.locator("[data-attribute=identity]").inner_text()
        page.goto(f"{server.url}/review")
        wait_until_ready(page)
        assert page.locator("[data-flag] .note").inner_text() == HOSTILE_NOTE
        assert page.locator("#name").inner_text() == HOSTILE_NAME
        assert page.title() != "owned"
        assert page.locator("main script, main img[onerror]").count() == 0


def test_a_test_image_shows_no_suggestion_even_when_it_is_done(page: Page, filled: ProjectFolder):
    load_predictions(
        filled,
        write_predictions(filled, filled.rounds / "1" / "predictions", dict.fromkeys(names_of(filled), SURE)),
    )
    blind = image_of(filled, names_of(filled, split="test")[0])
    seen = image_of(filled, names_of(filled, split="train")[0])
    with Server(filled.path) as server:
        for image, shown in ((blind, 0), (seen, 1)):
            page.goto(f"{server.url}/browse/{image}")
            wait_until_ready(page)
            assert page.locator(".value.suggested").count() == shown
        save_correction(filled, Person(filled), blind, ALL, "done")
        page.goto(f"{server.url}/browse/{blind}")
        wait_until_ready(page)
        assert page.locator(".value.suggested").count() == 0
        assert "suggestions stay hidden" in page.locator("#facts").inner_text()
