"""axe finds no serious fault on any page, in light and dark colours, empty and filled."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import shown_image
from tests.support.browser.pages import PAGES, axe_faults
from tests.support.face_descriptors import describe
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def predicted(filled: ProjectFolder) -> Iterator[Server]:
    """A server whose label page shows suggestions, confident and uncertain ones."""
    guessed = {name: [0.5, 0.2, 0.3] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    with Server(filled.path) as running:
        yield running


def test_no_page_has_a_serious_fault(injectable: Page, server: Server):
    faults = {}
    for path, ready in PAGES.items():
        injectable.goto(server.url + path)
        injectable.wait_for_selector(ready, state="attached")
        faults[path] = axe_faults(injectable)
    assert faults == {path: [] for path in PAGES}


def test_the_filled_people_pages_have_no_serious_fault(injectable: Page, filled: ProjectFolder):
    describe(filled, dict.fromkeys(names_of(filled)[:8], 0) | dict.fromkeys(names_of(filled)[8:12], 1))
    page = injectable
    with Server(filled.path) as running:
        page.goto(f"{running.url}/people")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        for name in ("Ada", "Grace"):
            assert axe_faults(page) == []
            before = page.locator("html").get_attribute("data-set")
            for key in ("ArrowRight", "Space", "n", *name):
                page.keyboard.press(key)
            assert axe_faults(page) == []
            page.keyboard.press("Enter")
            page.wait_for_selector(f'html[data-state=ready]:not([data-set="{before}"])', state="attached")
        page.keyboard.press("?")
        page.wait_for_selector("#help[open]")
        assert axe_faults(page) == []
        page.wait_for_selector('html[data-unsent="0"]', state="attached")
        page.goto(f"{running.url}/people/all")
        page.locator("#people button").first.click()
        page.locator("#resembling button").first.click()
        page.wait_for_selector("#merge[open]")
        assert axe_faults(page) == []


def test_the_label_page_with_suggestions_has_no_serious_fault(injectable: Page, predicted: Server):
    page = injectable
    page.goto(predicted.url)
    shown_image(page)
    assert axe_faults(page) == []
    page.keyboard.press("g")
    page.wait_for_selector("[data-attribute=glasses] .replaced")
    assert axe_faults(page) == []
    for key, dialog in (("?", "help"), (".", "guide"), (",", "session"), ("!", "note")):
        page.keyboard.press(key)
        page.wait_for_selector(f"#{dialog}[open]")
        assert axe_faults(page) == []
        page.keyboard.press("Escape")
        page.wait_for_selector(f"#{dialog}:not([open])", state="attached")


def test_two_snapshots_compared_have_no_serious_fault(injectable: Page, server: Server):
    client = server.client()
    for _ in range(2):
        assert client.post("/snapshots", {"names": False}).status_code == 201
        client.answer(client.next()["tasks"][0], {"glasses": 1})
    injectable.goto(server.url + "/snapshots")
    injectable.get_by_role("button", name="Compare").click()
    injectable.wait_for_selector("[data-attribute=glasses]")
    assert axe_faults(injectable) == []
