"""Deleting for good on the pages: the dialog names what goes, the worker removes it, and the receipt is named."""

import pytest
from playwright.sync_api import Browser, Page

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.browser.chromium import open_context
from tests.support.browser.pages import wait_until_ready
from tests.support.projects.erasing import ERASED, OTHERS, PERSON, fill, find_traces, people_named, traces_of
from tests.support.projects.images import image_of, names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.mark.usefixtures("features")
def test_an_image_is_deleted_for_good_by_touch(browser: Browser, filled: ProjectFolder):
    fill(filled)
    traces = traces_of(filled)
    export_snapshot(filled, None, SnapshotOptions())
    phone = {"width": 390, "height": 844}
    with (
        Server(filled.path, FACELABEL_WORKER="1") as server,
        open_context(browser, viewport=phone, has_touch=True) as context,
    ):
        page = context.new_page()
        page.goto(f"{server.url}/browse/{image_of(filled, ERASED)}")
        wait_until_ready(page)
        page.get_by_role("button", name="Delete for good …").tap()
        dialog = page.get_by_role("dialog")
        texts = dialog.locator("#erase-texts li")
        texts.first.wait_for()
        assert texts.first.inner_text().startswith(
            f"1 image goes with 7 answers, 1 face and 1 flag: {ERASED}."
        )
        assert "snapshots/" in texts.last.inner_text()
        dialog.get_by_label("Also delete the snapshots").check()
        dialog.get_by_text("1 snapshot or export that holds it go").wait_for()
        dialog.get_by_role("button", name="Delete for good", exact=True).tap()
        dialog.get_by_text("The receipt is erasures/0001-").wait_for()
        dialog.get_by_role("button", name="Close").tap()
        page.wait_for_url("**/browse")
        wait_until_ready(page)
        assert page.locator("[data-image]").count() == 39
    assert find_traces(filled, traces) == []


@pytest.mark.usefixtures("features")
def test_only_the_name_of_a_person_is_forgotten(page: Page, filled: ProjectFolder):
    fill(filled)
    with Server(filled.path, FACELABEL_WORKER="1") as server:
        page.goto(f"{server.url}/people/all")
        wait_until_ready(page)
        page.get_by_role("button", name=PERSON).click()
        page.get_by_role("button", name="Forget this person …").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("3 images go").wait_for()
        dialog.get_by_label("Only the name").check()
        dialog.get_by_text("3 images keep their labels").wait_for()
        dialog.get_by_role("button", name="Delete for good", exact=True).click()
        dialog.get_by_text("The receipt is erasures/0001-").wait_for()
    assert {ERASED, *OTHERS} <= set(names_of(filled))
    assert PERSON not in people_named(filled)
