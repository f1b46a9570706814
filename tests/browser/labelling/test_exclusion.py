"""Excluding images by keys: on the label page, in Browse and in Review; one key undoes it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from annotator.models import Image, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.exclude import exclusion_of
from annotator.services.review.flags import raise_flag
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import image_name, shown_image, wait_until_sent
from tests.support.browser.pages import axe_faults, wait_until_ready
from tests.support.projects.excluding import exclude_images
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import Person
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def excluded(project: ProjectFolder) -> list[str]:
    with project.database.read() as session:
        return list(session.scalars(select(Image.name).where(Image.exclusion_id.is_not(None))))


def leave(page: Page, image: str) -> None:
    page.wait_for_selector(f'html:not([data-image-id="{image}"])[data-state=ready]', state="attached")


def test_delete_and_a_digit_exclude_the_image_and_backspace_brings_it_back(page: Page, filled: ProjectFolder):
    with Server(filled.path) as server:
        page.goto(server.url)
        first, name = shown_image(page), image_name(page)
        page.keyboard.press("Delete")
        expect(page.locator("#exclude h2")).to_have_text(f"Exclude {name}")
        page.keyboard.press("Escape")  # nothing happens
        assert shown_image(page) == first
        page.keyboard.press("Delete")
        page.keyboard.press("4")
        page.get_by_label("Note").fill("same as 0007")
        page.keyboard.press("Enter")
        leave(page, first)
        wait_until_sent(page)
        assert excluded(filled) == [name]
        with filled.database.read() as session:
            detail = exclusion_of(session, int(first))
        assert detail is not None
        assert (detail.reason, detail.note) == ("duplicate", "same as 0007")
        expect(page.locator("#previous-image")).to_contain_text("excluded: duplicate")
        page.keyboard.press("Backspace")
        page.wait_for_selector(f'html[data-image-id="{first}"][data-state=ready]', state="attached")
        wait_until_sent(page)
        assert excluded(filled) == []
        page.keyboard.press("Shift+Backspace")  # the same exclusion again
        leave(page, first)
        wait_until_sent(page)
        assert excluded(filled) == [name]
        page.reload()
        assert shown_image(page) != first


def test_a_labeller_whose_image_was_excluded_meanwhile_is_told(page: Page, filled: ProjectFolder):
    with Server(filled.path) as server:
        page.goto(server.url)
        first, name = shown_image(page), image_name(page)
        page.keyboard.press("1")  # begun: the image stays on the screen
        exclude_images(filled, int(first), person=Person(filled, "eva"))
        for digit in "00800":
            page.keyboard.press(digit)
        leave(page, first)
        told = (
            f"{name} was excluded by eva: duplicate. Your answer is kept and counts if the image is restored."
        )
        expect(page.locator("#message")).to_have_text(told)
        second, name = shown_image(page), image_name(page)
        exclude_images(filled, int(second), person=Person(filled, "eva"))
        page.evaluate("dispatchEvent(new Event('online'))")  # the page asks the server
        leave(page, second)
        expect(page.locator("#message")).to_have_text(
            f"{name} was excluded by eva: duplicate. This is the next image."
        )


def test_an_excluded_image_is_grey_in_browse_and_restored_on_its_page(page: Page, filled: ProjectFolder):
    name, other = names_of(filled)[:2]
    with Server(filled.path) as server:
        page.goto(f"{server.url}/browse/{image_of(filled, name)}")
        wait_until_ready(page)
        page.keyboard.press("Delete")
        page.keyboard.press("3")
        page.keyboard.press("Enter")
        expect(page.locator("#excluded")).to_contain_text("excluded by you: bad quality")
        assert excluded(filled) == [name]
        page.keyboard.press("Backspace")
        expect(page.locator("#excluded")).to_be_hidden()
        assert excluded(filled) == []
        exclude_images(filled, image_of(filled, other), person=Person(filled, "eva"))
        page.goto(f"{server.url}/browse?excluded=only")
        wait_until_ready(page)
        tile = page.locator(".tile")
        expect(tile).to_have_class("tile excluded")
        expect(tile).to_contain_text(other)
        tile.locator("a").click()
        expect(page.locator("#excluded")).to_contain_text("excluded by eva: duplicate")
        page.get_by_role("button", name="Restore").click()
        expect(page.locator("#excluded")).to_be_hidden()
        assert excluded(filled) == []


def test_review_excludes_by_the_same_key_and_undoes_it(page: Page, filled: ProjectFolder):
    first, second = (image_of(filled, name) for name in names_of(filled)[:2])
    me = Person(filled)
    with filled.database.write() as session:
        for image in (first, second):
            raise_flag(session, me.id, f"flag {image}", image, "no face?")
    with Server(filled.path) as server:
        page.goto(f"{server.url}/review?kind=flags")
        page.wait_for_selector(f'html[data-image-id="{first}"]', state="attached")
        wait_until_ready(page)
        page.keyboard.press("Delete")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_selector(f'html[data-image-id="{second}"]', state="attached")
        wait_until_ready(page)
        assert excluded(filled) == [names_of(filled)[0]]
        page.keyboard.press("Backspace")
        page.wait_for_selector(f'html[data-image-id="{first}"]', state="attached")
        wait_until_ready(page)
    assert excluded(filled) == []
    with filled.database.read() as session:
        assert list(session.scalars(select(Submission.kind))) == ["exclude", "undo"]


def test_the_dialog_works_by_touch_on_a_phone(browser: Browser, filled: ProjectFolder, tmp_path: Path):
    size = {"width": 390, "height": 844}
    with (
        Server(filled.path) as server,
        open_context(browser, viewport=size, has_touch=True, bypass_csp=True) as context,
    ):
        page = context.new_page()
        page.goto(f"{server.url}/browse/{image_of(filled, names_of(filled)[0])}")
        wait_until_ready(page)
        page.locator("#exclude-image").tap()
        page.wait_for_selector("#exclude[open]")
        page.screenshot(path=tmp_path / "dialog.png")
        assert axe_faults(page) == []
        for button in page.locator("#exclude label, #exclude button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        page.get_by_text("not a person").tap()
        page.locator("#exclude button.primary").tap()
        expect(page.locator("#excluded")).to_contain_text("not a person")
    assert excluded(filled) == [names_of(filled)[0]]
