"""The light table of browse: images selected by mouse, keys and touch, and changed together."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.chromium import open_context
from tests.support.browser.pages import axe_faults, wait_until_ready
from tests.support.predictions_folder import SURE, UNCERTAIN, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone, used by touch."""
    with open_context(
        browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, bypass_csp=True
    ) as context:
        yield context.new_page()


def selected(page: Page) -> list[str]:
    return page.locator('[aria-selected="true"] .tile-name').all_inner_texts()


def test_images_are_selected_by_mouse_and_keys_changed_and_undone(injectable: Page, filled: ProjectFolder):
    page, names = injectable, names_of(filled)
    ids = [image_of(filled, name) for name in names]
    save_correction(filled, Person(filled), ids[0], {"glasses": 1}, "decided", adjudicate=True)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/browse")
        wait_until_ready(page)
        tile = {
            name: page.locator(f'[data-image="{number}"]') for name, number in zip(names, ids, strict=True)
        }
        tile[names[1]].click()
        tile[names[4]].click(modifiers=["Shift"])
        assert selected(page) == names[1:5]
        tile[names[2]].click(modifiers=["Control"])
        tile[names[0]].click(modifiers=["Control"])
        assert selected(page) == [names[0], names[1], *names[3:5]]
        assert axe_faults(page) == []
        page.keyboard.press("v")
        page.locator("#action select[name=attribute]").select_option("glasses")
        page.locator("#action select[name=value]").select_option("2")
        expect(page.locator("#action .preview")).to_contain_text(
            "3 images of 4 will change; 1 gets an opinion only"
        )
        assert axe_faults(page) == []
        page.get_by_role("button", name="Change the images").click()
        expect(page.locator("#message")).to_contain_text("Set a value: 4 images")
        assert [labels_of(filled, number).get("glasses") for number in ids[:6]] == [1, 2, None, 2, 2, None]
        assert selected(page) == [names[0], names[1], *names[3:5]]
        page.keyboard.press("Backspace")
        expect(page.locator("#message")).to_contain_text("Undone")
        assert [labels_of(filled, number).get("glasses") for number in ids[:6]] == [1, *[None] * 5]
        page.keyboard.press("Escape")
        assert selected(page) == []
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
        assert selected(page)[:2] == names[1:3]
        page.keyboard.press("Control+a")
        expect(page.locator("#selected")).to_have_text("40 selected")
        page.keyboard.press("!")
        page.get_by_label("Note for a reviewer").fill("too dark")
        page.keyboard.press("Enter")
        expect(page.locator(".mark.bad").first).to_be_visible()
        assert page.locator(".mark.bad").count() == 40
        page.keyboard.press("Delete")
        page.locator("#action select[name=reason]").select_option("bad_quality")
        page.get_by_role("button", name="Change the images").click()
        expect(page.locator(".tile.excluded")).to_have_count(40)
        page.keyboard.press("Backspace")
        expect(page.locator(".tile.excluded")).to_have_count(0)


def test_a_rectangle_selects_and_the_size_is_remembered(page: Page, server: Server):
    page.goto(f"{server.url}/browse")
    wait_until_ready(page)
    tiles = page.locator("[data-image]")
    first, second = tiles.nth(0).bounding_box(), tiles.nth(1).bounding_box()
    assert first
    assert second
    page.mouse.move(first["x"] + 5, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(second["x"] + 40, second["y"] + 60, steps=4)
    page.mouse.up()
    assert len(selected(page)) == 2
    for _ in range(3):
        page.keyboard.press("+")
    wide = tiles.nth(0).bounding_box()
    assert wide
    assert wide["width"] > first["width"] + 40
    page.reload()
    wait_until_ready(page)
    again = tiles.nth(0).bounding_box()
    assert again
    assert again["width"] == wide["width"]


def test_a_view_is_narrowed_by_chips_with_counts_and_sorted(page: Page, filled: ProjectFolder):
    me, names = Person(filled), names_of(filled)
    for place, name in enumerate(names[:9]):
        save_correction(
            filled, me, image_of(filled, name), ALL | {"glasses": place % 3, "freckles": place % 2}, name
        )
    predicted = dict.fromkeys(names, SURE) | {names[7]: UNCERTAIN}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", predicted))
    with Server(filled.path) as server:
        page.goto(f"{server.url}/browse")
        wait_until_ready(page)
        page.locator("[data-facet=glasses] summary").click()
        expect(page.locator("[data-facet=glasses] [data-value='1'] small")).to_have_text(" 3")
        page.locator("[data-facet=glasses] [data-value='1']").click()
        page.wait_for_url("**/browse?also=glasses%3A1")
        wait_until_ready(page)
        page.locator("[data-facet=freckles] summary").click()
        page.locator("[data-facet=freckles] [data-value='0']").click()
        page.wait_for_url("**freckles%3A0")
        wait_until_ready(page)
        assert page.locator(".tile-name").all_inner_texts() == [names[4]]
        assert page.locator("#chips a").count() == 2
        page.locator("#chips a").first.click()
        page.wait_for_url("**/browse?also=freckles%3A0")
        wait_until_ready(page)
        page.locator("#order").select_option("uncertainty")
        page.wait_for_url("**order=uncertainty")
        wait_until_ready(page)
        assert page.locator(".tile-name").count() == 5
        page.goto(f"{server.url}/browse?order=uncertainty")
        wait_until_ready(page)
        assert page.locator(".tile-name").first.inner_text() == names[7]


def test_a_long_touch_selects_and_then_taps_do(phone: Page, server: Server):
    page = phone
    page.goto(f"{server.url}/browse")
    wait_until_ready(page)
    tiles = page.locator("[data-image]")
    tiles.nth(1).scroll_into_view_if_needed()
    box = tiles.nth(1).locator("img").bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    point = [{"x": box["x"] + 20, "y": box["y"] + 20}]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point})
    expect(tiles.nth(1)).to_have_attribute("aria-selected", "true")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tiles.nth(2).locator("img").tap(force=True)
    expect(page.locator("#selected")).to_have_text("2 selected")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe_faults(page) == []
    page.get_by_role("button", name="Deselect").tap()
    expect(page.locator("#selection-bar")).to_be_hidden()
    tiles.nth(2).locator("img").tap(force=True)
    page.wait_for_url("**/browse/*")
