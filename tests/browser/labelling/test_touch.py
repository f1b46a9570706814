"""A labeller with a phone: the whole work by touch, through a lost network, and what the browser installs."""

import random
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import CODES_PRESSED, image_name, shown_image, wait_until_sent
from tests.support.browser.outages import wait_until_copied
from tests.support.browser.screens import PHONE, page_on
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def tap_answers(page: Page, chance: random.Random) -> tuple[str, dict[str, str]]:
    """Answer the image on the screen by touch, in another order than the page's; returns its name and the codes."""
    image, name = shown_image(page), image_name(page)
    answers = {attribute: str(chance.randrange(count)) for attribute, count in CODES_PRESSED.items()}
    for attribute in chance.sample(list(answers), len(answers)):
        page.locator(f"[data-attribute={attribute}] .name").tap()
        page.locator(f'[data-attribute={attribute}] [data-code="{answers[attribute]}"]').tap()
    page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    return name, answers


def swipe(page: Page, way: int) -> None:
    """One finger across the photo: `way` pixels to the right, or to the left if it is negative."""
    box = page.locator("#frame").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    points = [[{"x": x + way * part, "y": y}] for part in (0, 0.3, 0.7, 1)]
    for kind, point in zip(("touchStart", "touchMove", "touchMove", "touchMove"), points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    touch.detach()


def on_screen(page: Page, image: str) -> None:
    page.wait_for_selector(f'html[data-image-id="{image}"][data-state=ready]', state="attached")


def test_a_session_by_touch_through_lost_networks_and_reloads_is_exported_as_tapped(
    browser: Browser, server: Server, tmp_path: Path, soak: bool
):
    """30 images, or a third of them."""
    chance = random.Random(1)
    tapped: dict[str, dict[str, str]] = {}
    with page_on(browser, PHONE) as page:
        page.goto(server.url)
        for outage in range(3 if soak else 1):
            tapped |= dict(tap_answers(page, chance) for _ in range(5))
            wait_until_sent(page)
            wait_until_copied(page)
            page.context.set_offline(True)
            tapped |= dict(tap_answers(page, chance) for _ in range(2))
            page.reload()
            tapped |= dict([tap_answers(page, chance)])
            page.wait_for_selector('html[data-unsent="3"]', state="attached")
            page.context.set_offline(False)
            tapped |= dict(tap_answers(page, chance) for _ in range(2))
            wait_until_sent(page)
            assert len(tapped) == 10 * (outage + 1)
    found = exported_labels(server.project, tmp_path / "s")
    assert {name: row for name, row in found.items() if row} == tapped


def test_a_swipe_skips_or_accepts_and_a_swipe_back_returns(
    browser: Browser, filled: ProjectFolder, tmp_path: Path
):
    sure = {name: [0.01, 0.97, 0.02] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", sure))
    with Server(filled.path) as server, page_on(browser, PHONE) as page:
        page.goto(server.url)
        shown_image(page)
        while page.locator("[data-attribute=glasses][data-status=suggested]").count() == 0:
            before = shown_image(page)
            swipe(page, -150)  # nothing is suggested on an image of the audit set: it is skipped
            page.wait_for_selector(
                f'html[data-state=ready]:not([data-image-id="{before}"])', state="attached"
            )
        image, name = shown_image(page), image_name(page)
        swipe(page, -20)  # too short
        swipe(page, -150)  # the suggestion is accepted; five attributes have no answer
        expect(page.locator("#message")).to_contain_text("has no answer yet")
        on_screen(page, image)
        for attribute in ("wrinkles", "freckles", "hair_color", "hair_top"):
            page.locator(f"[data-attribute={attribute}] .name").tap()
            page.locator(f'[data-attribute={attribute}] [data-code="1"]').tap()
        page.locator("[data-attribute=not_human] .name").tap()
        page.locator('[data-attribute=not_human] [data-code="0"]').tap()
        page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{image}"])', state="attached")
        swipe(page, 150)
        on_screen(page, image)
        swipe(page, -150)
        page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{image}"])', state="attached")
        wait_until_sent(page)
    found = {name: row for name, row in exported_labels(filled.path, tmp_path / "s").items() if row}
    answers = {"wrinkles": "1", "freckles": "1", "glasses": "1", "hair_color": "1", "hair_top": "1", "not_human": "0"}  # fmt: skip
    assert found == {name: answers}


def test_nothing_moves_from_one_attribute_to_the_next(browser: Browser, server: Server):
    with page_on(browser, PHONE) as page:
        page.goto(server.url)
        shown_image(page)
        places = set()
        for attribute in CODES_PRESSED:
            page.locator(f"[data-attribute={attribute}] .name").tap()
            boxes = [page.locator(part).bounding_box() for part in ("#frame", "#attributes", ".actions")]
            places.add(str(boxes))
            assert page.locator("#attributes").evaluate("e => e.scrollHeight <= e.clientHeight")
    assert len(places) == 1


def test_the_browser_may_install_the_project(server: Server):
    manifest = requests.get(f"{server.url}/manifest.webmanifest", timeout=60)
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    described = manifest.json()
    assert (described["display"], described["start_url"]) == ("standalone", "/")
    for icon in described["icons"]:
        answer = requests.get(server.url + icon["src"], timeout=60)
        assert answer.headers["Content-Type"] == "image/png"
    assert {icon["sizes"] for icon in described["icons"]} == {"192x192", "512x512"}
