"""What the README promises somebody who comes for the first time: each task within six clicks of the start page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import CODES_PRESSED, shown_image, wait_until_sent
from tests.support.browser.pages import wait_until_ready
from tests.support.commands import call
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import done_count, labels_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser
MOST_CLICKS = 6


class FirstTimer:
    """Somebody who begins at the start page and uses only the mouse."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.clicks = 0

    def begin(self) -> None:
        """Open the start page for a new task."""
        self.page.goto(self.url)
        shown_image(self.page)
        self.clicks = 0

    def click(self, target: Locator, *, twice: bool = False) -> None:
        target.dblclick() if twice else target.click()
        self.clicks += 2 if twice else 1
        assert self.clicks <= MOST_CLICKS

    def choose(self, field: Locator, option: str) -> None:
        """Open a list and choose from it."""
        field.select_option(option)
        self.clicks += 2

    def follow(self, *names: str) -> None:
        """Click links of the head, one after the other."""
        for name in names:
            self.click(self.page.get_by_label("Pages").get_by_role("link", name=name, exact=True))
        wait_until_ready(self.page)


@pytest.fixture
def newcomer(page: Page, filled: ProjectFolder, faces: Path) -> Iterator[FirstTimer]:
    """A first-timer in a project with 20 labelled images and a model."""
    some = faces.parent / "half.csv"
    some.write_text("\n".join((faces / "answers.csv").read_text().splitlines()[:21]))
    call("import", some, "-p", filled.path).assert_done()
    guessed = {name: [0.5, 0.2, 0.3] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    with Server(filled.path) as server:
        yield FirstTimer(page, server.url)


def test_five_tasks_take_at_most_six_clicks_each(newcomer: FirstTimer, filled: ProjectFolder):
    page = newcomer.page

    newcomer.begin()  # "Label": the first image
    before = done_count(filled)
    for attribute in CODES_PRESSED:
        newcomer.click(page.locator(f'[data-attribute={attribute}] [data-code="0"]'))
    wait_until_sent(page)
    assert done_count(filled) == before + 1

    newcomer.begin()  # "Change your mind": an answer of last week
    newcomer.follow("Images")
    name = page.locator(".tile-name").first.inner_text()
    newcomer.click(page.locator("[data-image]").first, twice=True)
    wait_until_ready(page)
    chosen = page.locator("[data-attribute=glasses] [data-code][aria-pressed=true]").get_attribute(
        "data-code"
    )
    other = "2" if chosen == "1" else "1"
    newcomer.click(page.locator(f"[data-attribute=glasses] [data-code='{other}']"))
    page.locator(f"[data-attribute=glasses] [data-code='{other}'][aria-pressed=true]").wait_for()
    assert labels_of(filled, image_of(filled, name))["glasses"] == int(other)

    newcomer.begin()  # "You can exclude images"
    newcomer.follow("Images")
    newcomer.click(page.locator("[data-image]").nth(1))
    newcomer.click(page.get_by_role("button", name="Exclude"))
    newcomer.choose(page.get_by_role("dialog").locator("select"), "duplicate")
    newcomer.click(page.locator("dialog[open] button.primary"))
    page.locator("[data-image].excluded").wait_for()

    newcomer.begin()  # "Export": labels.csv
    newcomer.follow("Data", "Export")
    with page.expect_download() as download:
        newcomer.click(page.get_by_role("link", name="labels.csv", exact=True))
    assert len(download.value.path().read_text().splitlines()) == 40

    newcomer.begin()  # "Insights shows how good the model is"
    newcomer.follow("Progress", "Insights")
    expect(page.locator("main")).to_contain_text("accuracy")
