"""The label page shows the loop: when the model learns, its suggestions from then on, a safe cursor, skipped images coming back."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import image_name, shown_image, wait_until_sent
from tests.support.predictions_folder import write_cells
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser

SURE = {"wrinkles": [0.97, 0.03], "freckles": [0.5, 0.5], "glasses": [0.01, 0.98, 0.01]}

VERSION_SEEN = """() => {
  const name = Object.keys(sessionStorage).find((one) => one.endsWith(':suggestions'));
  return name && sessionStorage.getItem(name).includes('1.');
}"""
"""Whether the page has asked for the suggestions of the first predictions."""


def suggest(project: ProjectFolder, folder: Path, cells: dict[str, list[float]] = SURE) -> None:
    load_predictions(project, write_cells(project, folder, dict.fromkeys(names_of(project), cells)))


def next_image(page: Page, key: str) -> None:
    image = shown_image(page)
    page.keyboard.press(key)
    page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    shown_image(page)


def test_images_that_are_loaded_already_get_the_suggestions_of_a_new_round(page: Page, filled: ProjectFolder):
    with Server(filled.path, FACELABEL_ROUND_EVERY="10") as server:
        page.goto(server.url)
        shown_image(page)
        strip = page.locator("#loop .loop-text")
        expect(strip).to_contain_text("of the train split (0 of 15)")
        suggest(filled, filled.rounds / "1" / "predictions")
        page.wait_for_function(VERSION_SEEN)
        assert page.locator(".value.suggested").count() == 0, "the image on the screen stays as it is"
        for _ in range(8):  # audit images have no suggestions
            next_image(page, "Space")
            if page.locator(".value.suggested").count() > 0:
                break
            assert "from this image on" not in (strip.text_content() or "")
        expect(strip).to_have_text("New predictions: suggestions from this image on.")


def test_the_cursor_is_named_at_the_photo_and_a_surprising_answer_is_tinted(
    page: Page, filled: ProjectFolder
):
    suggest(filled, filled.rounds / "1" / "predictions")
    with Server(filled.path) as server:
        page.goto(server.url)
        shown_image(page)
        while page.locator(".value.suggested").count() == 0:
            next_image(page, "Space")
        for key, digit in (("c", "3"), ("t", "2"), ("h", "0")):  # not suggested, so they are asked first
            page.keyboard.press(key)
            page.keyboard.press(digit)
        expect(page.locator("#caret")).to_contain_text("Freckles")
        page.keyboard.press("g")  # another value than the sure one
        expect(page.locator("[data-attribute=glasses]")).to_have_class("attribute surprise")
        page.keyboard.press("w")
        expect(page.locator("#caret")).to_be_hidden()
        page.keyboard.press("1")
        expect(page.locator("#message")).to_contain_text("The model was 97 % sure of")
        page.keyboard.press("?")
        page.get_by_label("the top").check()
        page.keyboard.press("Escape")
        next_image(page, "Enter")
        while page.locator(".value.suggested").count() == 0:
            next_image(page, "Space")
        expect(page.locator("[data-attribute=wrinkles]")).to_have_attribute("aria-current", "true")


def test_skipped_images_come_back_by_a_button(page: Page, filled: ProjectFolder):
    with Server(filled.path) as server:
        page.goto(server.url)
        shown_image(page)
        first = image_name(page)
        next_image(page, "Shift+Enter")
        wait_until_sent(page)
        page.get_by_role("button", name="Bring back 1 skipped").click()
        expect(page.locator("#message")).to_have_text("One skipped image comes next.")
        page.keyboard.press("h")
        next_image(page, "1")  # no face
        assert image_name(page) == first
