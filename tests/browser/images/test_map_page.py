"""The map: a lasso, by mouse, touch or keys, leads to a change of the images inside, to Browse and to Sweep."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.pages import axe_faults, wait_until_ready
from tests.support.browser.screens import LAPTOP, PHONE, page_on, small_targets, sticking_out
from tests.support.paths import CHECKOUT
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import labels_of
from tests.support.projects.maps import halved_map, make_map
from tests.support.serving import Server
from trainer.reports.colours import COLOURS, SERIES

pytestmark = pytest.mark.browser


def left_half(page: Page) -> list[tuple[float, float]]:
    """The corners, on the screen, of a shape around all images on the left of the map."""
    box = page.locator("#stage").bounding_box()
    assert box
    side = 0.95 * min(box["width"], box["height"])
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    corners = ((-0.49, -0.49), (0, -0.49), (0, 0.49), (-0.49, 0.49))
    return [(middle_x + x * side, middle_y + y * side) for x, y in corners]


def open_map(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/map")
    wait_until_ready(page)
    expect(page.locator("#canvas")).to_have_attribute("data-frames", re.compile(r"\d+"))


def test_a_lasso_leads_to_one_change_of_the_images_inside(browser: Browser, filled: ProjectFolder):
    left, right = halved_map(filled)
    with Server(filled.path) as server, page_on(browser, LAPTOP, bypass_csp=True) as page:
        open_map(page, server)
        page.get_by_role("button", name="Lasso").click()
        corners = left_half(page)
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in corners[1:]:
            page.mouse.move(*corner, steps=6)
        page.mouse.up()
        expect(page.locator("#selected")).to_have_text(f"{len(left)} images inside")
        assert axe_faults(page) == []
        page.get_by_role("link", name="Change them").click()
        page.wait_for_url(re.compile("/browse\\?inside=.*#all"))
        wait_until_ready(page)
        expect(page.locator("#selected")).to_have_text(f"{len(left)} selected")
        expect(page.locator("#chips")).to_contain_text("Inside a lasso of the map")
        page.keyboard.press("v")
        page.locator("#action select[name=attribute]").select_option("glasses")
        page.locator("#action select[name=value]").select_option("1")
        page.get_by_role("button", name="Change the images").click()
        expect(page.locator("#message")).to_contain_text(f"Set a value: {len(left)} images")
        assert [labels_of(filled, image_of(filled, n)).get("glasses") for n in left] == [1] * len(left)
        assert not any(labels_of(filled, image_of(filled, name)) for name in right)
        page.keyboard.press("Backspace")
        expect(page.locator("#message")).to_contain_text("Undone")
        assert not any(labels_of(filled, image_of(filled, name)) for name in left)


def test_the_map_is_used_by_touch(browser: Browser, filled: ProjectFolder):
    left, _ = halved_map(filled)
    with Server(filled.path) as server, page_on(browser, PHONE, bypass_csp=True) as page:
        open_map(page, server)
        assert sticking_out(page) + small_targets(page) == []
        page.get_by_role("button", name="Lasso").tap()
        touch = page.context.new_cdp_session(page)
        corners = left_half(page)
        for place, (x, y) in enumerate(corners):
            kind = "touchMove" if place else "touchStart"
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(page.locator("#selected")).to_have_text(f"{len(left)} images inside")
        assert small_targets(page) == []
        assert axe_faults(page) == []
        page.get_by_role("link", name="Show in Browse").tap()
        page.wait_for_url(re.compile("/browse\\?inside="))
        expect(page.locator(".tile-name")).to_have_text(left)


def test_the_map_is_used_by_keys_and_a_sweep_stays_inside(browser: Browser, filled: ProjectFolder):
    names = names_of(filled, split="train")
    make_map(filled, {name: (0.1 + 0.8 * (place > 3), 0.5) for place, name in enumerate(names)})
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1" / "predictions", dict.fromkeys(names, SURE))
    )
    with Server(filled.path) as server, page_on(browser, LAPTOP) as page:
        open_map(page, server)
        page.get_by_label("Colour by").select_option("prediction")
        page.get_by_label("Attribute").select_option("glasses")
        expect(page.locator("#legend li").first).to_contain_text(str(len(names)))
        page.locator("#legend button").first.click()
        expect(page.locator("#legend button").first).to_have_attribute("aria-pressed", "true")
        page.locator("#stage").focus()
        for key in ("+", "+", "ArrowLeft", "ArrowLeft", "s"):
            page.keyboard.press(key)
        expect(page.locator("#selected")).to_have_text("4 images inside")
        page.get_by_role("link", name="Sweep", exact=True).last.click()
        page.wait_for_url(re.compile("/sweep\\?inside="))
        wait_until_ready(page)
        page.get_by_label("Attribute").select_option("glasses")
        expect(page.locator("#groups .chip").first).to_contain_text("4")
        expect(page.locator("#faces .face")).to_have_count(4)
        page.get_by_role("link", name="Inside a lasso of the map").click()
        page.wait_for_url(f"{server.url}/sweep")
        wait_until_ready(page)
        expect(page.locator("#inside")).to_be_hidden()


def test_colour_blind_people_tell_the_colours_of_the_map_apart():
    """They are the series of the reports, which tests/trainer/reports/test_reports.py checks."""
    style = (CHECKOUT / "static" / "css" / "map.css").read_text()
    colours = re.findall(r"--map-\d: light-dark\((#\w+), (#\w+)\)", style)
    assert colours == [COLOURS[name] for name in SERIES]
