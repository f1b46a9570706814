"""The first ten minutes: images are dropped on the empty label page, tips explain it, and the end says what comes next."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import shown_image
from tests.support.browser.screens import PHONE, page_on, small_targets, sticking_out
from tests.support.commands import call
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_images_chosen_on_the_empty_label_page_are_imported_and_labelled(
    page: Page, project: ProjectFolder, faces: Path
):
    with Server(project.path, FACELABEL_WORKER="1") as server:
        page.goto(server.url)
        page.wait_for_selector("html[data-state=empty]", state="attached")
        page.locator("#files").set_input_files(sorted(faces.glob("*.jpg"))[:3])
        page.wait_for_url("**/import#*")
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("Imported.").wait_for()
        page.goto(server.url)
        shown_image(page)


def test_four_tips_explain_the_first_image_and_come_once(page: Page, server: Server):
    page.goto(server.url)
    shown_image(page)
    for number in range(1, 5):
        expect(page.locator("#tips b")).to_have_text(f"Tip {number} of 4")
        page.locator("#tips .next").click()
    expect(page.locator("#tips")).to_be_hidden()
    page.reload()
    shown_image(page)
    expect(page.locator("#tips")).to_be_hidden()


def test_the_tips_fit_a_phone_and_leave_with_the_first_answer(browser: Browser, server: Server):
    with page_on(browser, PHONE) as page:
        page.goto(server.url)
        image = shown_image(page)
        expect(page.locator("#tips")).to_contain_text("Tap a value")
        assert sticking_out(page) + small_targets(page) == []
        page.locator("[data-attribute=not_human] .name").tap()
        page.locator('[data-attribute=not_human] [data-code="1"]').tap()
        page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{image}"])', state="attached")
        expect(page.locator("#tips")).to_be_hidden()


def test_the_end_offers_the_labels_a_round_and_five_uncertain_images(
    page: Page, filled: ProjectFolder, faces: Path
):
    call("import", faces / "answers.csv", "-p", filled.path).assert_done()
    guessed = {name: [0.5, 0.2, 0.3] for name in names_of(filled)}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    with Server(filled.path) as server:
        page.goto(server.url)
        page.wait_for_selector("html[data-state=done]", state="attached")
        expect(page.locator("#uncertain-images a")).to_have_count(5)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download labels.csv").click()
        lines = download.value.path().read_text().splitlines()
        assert len(lines) == 41
        assert lines[0].startswith("image_name,wrinkles,freckles")
        expect(page.get_by_role("link", name="Train a model")).to_have_attribute("href", "/rounds")


def test_the_end_offers_the_images_that_were_skipped(page: Page, filled: ProjectFolder, faces: Path):
    some = faces.parent / "all-but-one.csv"
    some.write_text("\n".join((faces / "answers.csv").read_text().splitlines()[:-1]))
    call("import", some, "-p", filled.path).assert_done()
    with Server(filled.path) as server:
        page.goto(server.url)
        image = shown_image(page)
        page.keyboard.press("Space")
        shown_image(page)  # it comes back once automatically
        page.keyboard.press("Space")
        page.get_by_role("heading", name="Every other image is labelled").wait_for()
        expect(page.locator("#skipped-left")).to_contain_text("You skipped 1 image.")
        expect(page.get_by_role("link", name="Download labels.csv")).to_be_visible()
        page.get_by_role("button", name="Bring them back").click()
        assert shown_image(page) == image
