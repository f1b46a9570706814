"""The review page: keys decide, the decision is marked as adjudicated, and undo reverts it."""

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from annotator.models import Annotation
from annotator.project import ProjectFolder
from annotator.services.review.flags import raise_flag
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.pages import wait_until_ready
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.reviewing import late_opinion, names_in_view, save_correction
from tests.support.projects.round_results import write_label_issues
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def empty(page: Page) -> None:
    page.wait_for_selector("#empty:not([hidden])")
    wait_until_ready(page)


def test_differing_votes_are_shown_side_by_side_and_decided_by_a_digit(page: Page, filled: ProjectFolder):
    image = late_opinion(filled, 0, 1)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/review?kind=opinions")
        wait_until_ready(page)
        voices = page.locator(".voice")
        assert [voice.get_attribute("data-kind") for voice in voices.all()] == ["label", "differs"]
        assert "quick" in voices.nth(0).inner_text()
        assert "slow" in voices.nth(1).inner_text()
        page.keyboard.press("1")
        empty(page)
        assert labels_of(filled, image) == ALL | {"glasses": 1}
        page.keyboard.press("Backspace")
        page.wait_for_selector(f'html[data-image-id="{image}"]', state="attached")
        wait_until_ready(page)
        assert labels_of(filled, image) == ALL | {"glasses": 0}
        page.keyboard.press("Enter")
        empty(page)
    assert labels_of(filled, image) == ALL | {"glasses": 0}
    with filled.database.read() as session:
        assert list(session.scalars(select(Annotation.code).where(Annotation.origin == "review"))) == [1, 0]
    assert len(names_in_view(filled, origin="review")) == 1


def test_contradicted_labels_are_confirmed_or_left_for_later(page: Page, filled: ProjectFolder):
    load_predictions(
        filled,
        write_predictions(filled, filled.rounds / "1" / "predictions", dict.fromkeys(names_of(filled), SURE)),
    )
    names = names_of(filled, split="train")[:2]
    first, second = (image_of(filled, name) for name in names)
    for image in (first, second):
        save_correction(filled, Person(filled), image, ALL, str(image))
    with Server(filled.path) as server:
        page.goto(f"{server.url}/review?kind=model")
        wait_until_ready(page)
        assert page.locator("html").get_attribute("data-image-id") == str(first)
        assert "98" in page.locator(".voice[data-kind=model]").inner_text()
        page.keyboard.press("n")
        page.wait_for_selector(f'html[data-image-id="{second}"]', state="attached")
        wait_until_ready(page)
        page.keyboard.press("Enter")
        empty(page)
        assert names_in_view(filled, contradicted=0.9) == names[:1]
        write_label_issues(filled, names)
        page.goto(f"{server.url}/review?kind=model")
        wait_until_ready(page)
        assert page.locator("html").get_attribute("data-image-id") == str(first)
        reason = page.locator(".voice[data-kind=model]").inner_text()
        assert "90" in reason
        assert "not trained on this person" in reason


def test_a_flag_is_resolved_by_a_key(page: Page, filled: ProjectFolder):
    with filled.database.write() as session:
        for image in (3, 4):
            raise_flag(session, 1, f"f{image}", image, "look")
    with Server(filled.path) as server:
        page.goto(f"{server.url}/review")
        wait_until_ready(page)
        for _ in range(2):
            image = page.locator("html").get_attribute("data-image-id")
            page.keyboard.press("r")
            page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
            wait_until_ready(page)
        empty(page)
    assert names_in_view(filled, flag="open") == []
    assert len(names_in_view(filled, flag="resolved")) == 2
