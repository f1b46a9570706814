"""What a newcomer sees first: a project without images, one image that another page holds, the colours of the system."""

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import shown_image
from tests.support.projects.images import draw_plain_images, import_images
from tests.support.serving import Server

pytestmark = pytest.mark.browser
ROW = ".attribute[aria-current]"


def test_an_empty_project_says_on_every_page_that_it_has_no_images(page: Page, project: ProjectFolder):
    with Server(project.path) as running:
        for path in ("/sweep", "/people", "/map"):
            page.goto(running.url + path)
            expect(page.get_by_role("heading", name="No images yet")).to_be_visible()
            expect(page.get_by_role("link", name="Import", exact=True).last).to_be_visible()
            expect(page.get_by_role("button", name="Confirm the page")).to_be_hidden()
        page.goto(f"{running.url}/browse")
        expect(page.locator("#message")).to_have_text("No images yet.")
        page.goto(f"{running.url}/rounds")
        expect(page.get_by_text("No worker is running")).to_be_visible()
        page.goto(f"{running.url}/qualification")
        head = page.locator("header.site").bounding_box()
        assert head
        assert head["width"] == page.evaluate("innerWidth")


def test_an_image_that_another_page_holds_is_not_called_skipped(
    browser: Browser, page: Page, project: ProjectFolder
):
    draw_plain_images(project.path.parent / "one", 1)
    import_images(project, [project.path.parent / "one"])
    with Server(project.path) as running:
        page.goto(running.url)
        shown_image(page)
        with open_context(browser, forced_colors="active") as context:
            elsewhere = context.new_page()
            elsewhere.goto(running.url)
            told = elsewhere.locator("#waiting-reason")
            expect(told).to_contain_text("1 held by a page that you opened elsewhere")
            expect(told).not_to_contain_text("skipped")
        page.emulate_media(forced_colors="active")
        assert page.locator(ROW).evaluate("row => getComputedStyle(row).outlineStyle") == "solid"
