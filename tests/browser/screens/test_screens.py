"""Every page on every screen: nothing is wider than it, a finger hits everything, and axe finds no serious fault."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.pages import PAGES, axe_faults
from tests.support.browser.screens import (
    DESKTOP,
    LAPTOP,
    NARROW_PHONE,
    PHONE,
    TABLET,
    Screen,
    page_on,
    small_targets,
    sticking_out,
)
from tests.support.commands import call
from tests.support.face_descriptors import describe
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.maps import halved_map
from tests.support.serving import Server

pytestmark = pytest.mark.browser
READY = "html[data-state=ready]"


@pytest.fixture
def busy(filled: ProjectFolder, faces: Path) -> Iterator[Server]:
    """A server of a project with labels, suggestions, people and a snapshot: its pages are full."""
    lines = (faces / "answers.csv").read_text().splitlines()
    some = faces.parent / "some.csv"
    some.write_text("\n".join(lines[:21]))
    call("import", some, "-p", filled.path).assert_done()
    halved_map(filled)
    describe(filled, {name: number // 4 for number, name in enumerate(names_of(filled))})
    guessed = {name: [0.5, 0.2, 0.3] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    with Server(filled.path) as running:
        client = running.client()
        client.post("/snapshots", {"names": False}).raise_for_status()
        client.post("/flags", {"image_id": 1, "note": "Two people."}, "flag").raise_for_status()
        yield running


ALL = PAGES | {"/people": READY, "/browse/1": "#cells section", "/login": "#login"}
"""By path, what is there once the page is filled."""


def test_every_page_fits_phones_and_tablets_and_a_finger_hits_everything(browser: Browser, busy: Server):
    faults: dict[tuple[str, str], list[str]] = {}
    with page_on(browser, PHONE, bypass_csp=True) as page:
        for path, ready in ALL.items():
            page.goto(busy.url + path)
            page.wait_for_selector(ready, state="attached")
            faults[path, "axe"] = axe_faults(page)
            for screen in (NARROW_PHONE, PHONE, TABLET):
                resize(page, screen)
                faults[path, str(screen)] = sticking_out(page) + small_targets(page)
            resize(page, PHONE)
        page.goto(busy.url)
        page.get_by_role("button", name="Menu").tap()
        page.get_by_role("link", name="Export").wait_for()
        faults["menu", "axe"] = axe_faults(page) + small_targets(page)
    assert {where: fault for where, fault in faults.items() if fault} == {}


def test_every_page_fits_laptops_and_desktops(browser: Browser, busy: Server):
    faults: dict[tuple[str, str], list[str]] = {}
    with page_on(browser, LAPTOP) as page:
        for path, ready in ALL.items():
            page.goto(busy.url + path)
            page.wait_for_selector(ready, state="attached")
            for screen in (DESKTOP, LAPTOP):
                resize(page, screen)
                faults[path, str(screen)] = sticking_out(page)
    assert {where: fault for where, fault in faults.items() if fault} == {}


def resize(page: Page, screen: Screen) -> None:
    page.set_viewport_size({"width": screen.width, "height": screen.height})
