"""Tools of the label page: redo, history, guidelines, zoom, flags, skip reasons, colour scheme, small screens."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from annotator.models import Flag, Skip
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import image_name, press_answers, shown_image, wait_until_sent
from tests.support.browser.outages import SUPPLIED
from tests.support.face_descriptors import add_people
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.projects.schemas import UNGUIDED_SCHEMA
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server

pytestmark = pytest.mark.browser

GUIDED = """key = "g"
guideline = "Worn, not in the hair. <img src=x onerror=document.title='owned'>"
examples = [{ image = "0001.jpg", code = 1 }, { image = "missing.jpg", code = 0 }]
"""
EIGHTH = '\n[[attribute]]\nname = "beard"\ntitle = "Beard"\nkey = "b"\nvalues = [{ code = 0, name = "none" }, { code = 1, name = "beard" }]\n'


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Iterator[Server]:
    """A server of a project with eight attributes, one of them with a guideline."""
    tmp_path = tmp_path_factory.mktemp("guided")
    schema = UNGUIDED_SCHEMA.replace('key = "g"\n', GUIDED) + EIGHTH
    (tmp_path / "attributes.toml").write_text(schema)
    made = init_project(tmp_path / "project", tmp_path / "attributes.toml")
    import_images(made, [faces], LIMITS)
    made.database.close()
    with Server(made.path) as server:
        yield server


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def back_to(page: Page, image: str) -> None:
    page.wait_for_selector(f'html[data-image-id="{image}"][data-state=ready]', state="attached")


def message(page: Page) -> str:
    return page.locator("#message").inner_text()


def test_an_undone_answer_is_redone(page: Page, server: Server, tmp_path: Path):
    page.goto(server.url)
    chance = random.Random(1)
    pressed, images = {}, []
    for _ in range(3):
        images.append(shown_image(page))
        name, answers = press_answers(page, chance)
        pressed[name] = answers
    fourth = shown_image(page)
    press(page, "1", "Backspace", "Shift+Backspace")
    page.wait_for_selector('[data-attribute=wrinkles] [data-code="1"][aria-pressed=true]')
    press(page, "Backspace")
    for image in reversed(images):
        press(page, "Backspace")
        back_to(page, image)
    for image in [*images[1:], fourth]:
        press(page, "Shift+Backspace")
        back_to(page, image)
    wait_until_sent(page)
    assert {
        name: row for name, row in exported_labels(server.project, tmp_path / "s").items() if row
    } == pressed


def test_any_image_of_the_session_can_be_corrected(page: Page, server: Server, tmp_path: Path):
    page.goto(server.url)
    chance = random.Random(2)
    images, pressed = [], {}
    for _ in range(4):
        images.append(shown_image(page))
        name, answers = press_answers(page, chance)
        pressed[name] = answers
    fifth = shown_image(page)
    corrected = list(pressed)[1]
    press(page, "2", ",", "ArrowRight", "ArrowRight", "Enter")  # the newest comes first
    back_to(page, images[1])
    assert image_name(page) == corrected
    wanted = str((int(pressed[corrected]["hair_top"]) + 1) % 4)
    press(page, "t", wanted)
    back_to(page, fifth)
    wait_until_sent(page)
    found = exported_labels(server.project, tmp_path / "s")
    assert found[corrected] == pressed[corrected] | {"hair_top": wanted}
    assert sum(bool(row) for row in found.values()) == 4


def test_a_letter_cycles_through_the_values_by_probability(page: Page, filled: ProjectFolder):
    unsure = {name: [0.5, 0.2, 0.3] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", unsure))
    with Server(filled.path) as server:
        page.goto(server.url)
        shown_image(page)
        glasses = "[data-attribute=glasses]"
        press(page, "g")
        page.wait_for_selector(f'{glasses} [data-code="2"][aria-pressed=true]')
        page.wait_for_selector(f'{glasses} [data-code="0"].replaced')
        assert message(page).startswith("Glasses: sunglasses, not none")
        press(page, "g")
        page.wait_for_selector(f'{glasses} [data-code="1"][aria-pressed=true]')
        press(page, "g")
        page.wait_for_selector(f'{glasses} [data-code="0"].suggested[aria-pressed=false]')
        press(page, "g", "1")  # the digit says it exactly, whatever the letter chose
        page.wait_for_selector(f'{glasses} [data-code="1"][aria-pressed=true]')


def test_zoom_by_keys_wheel_and_drag_is_reset_by_the_next_image(page: Page, server: Server):
    page.goto(server.url)
    image = shown_image(page)
    press(page, "PageUp", "Shift+ArrowLeft")
    page.wait_for_selector('#frame[data-zoom="1.4"]')
    box = page.locator("#frame").bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, -100)
    page.wait_for_selector('#frame[data-zoom="2.0"]')
    before = page.locator("#picture").get_attribute("style")
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 130)
    page.mouse.up()
    assert page.locator("#picture").get_attribute("style") != before
    press(page, "Home")
    page.wait_for_selector("#frame:not([data-zoom])")
    press(page, "+", *"000000")
    page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    page.wait_for_selector("#frame:not([data-zoom])")


def test_one_key_opens_a_guideline_and_its_text_is_text(page: Page, guided: Server):
    page.goto(guided.url)
    shown_image(page)
    press(page, "Shift+G")
    page.wait_for_selector("#guide[open]")
    assert "Worn, not in the hair. <img src=x" in page.locator("#guide").inner_text()
    assert [image.get_attribute("alt") for image in page.locator("#guide img").all()] == ["glasses: 0001.jpg"]
    assert page.locator("#guide img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    press(page, "0", ".")  # an open guideline takes no answers
    page.wait_for_selector("#guide:not([open])", state="attached")
    assert page.locator("[aria-pressed=true]").count() == 0
    press(page, ".")  # of the marked attribute, which has none
    assert "No guideline" in page.locator("#guide").inner_text()
    assert "owned" not in page.title()


def note_begun(page: Page, server: Server, text: str) -> str:
    """Write the note of a flag, and do not send it yet; returns the image."""
    page.goto(server.url)
    image = shown_image(page)
    press(page, "!")
    page.wait_for_selector("#note[open]")
    page.keyboard.type(text)
    return image


def test_a_skip_keeps_its_reason_and_a_flag_its_note(page: Page, server: Server):
    first = note_begun(page, server, "two people <b>here</b>")
    press(page, "Enter")
    page.wait_for_selector("#note:not([open])", state="attached")
    press(page, "Shift+Space")
    page.wait_for_selector("#note[open]")
    press(page, "Escape")
    assert shown_image(page) == first
    press(page, "Shift+Space")
    page.wait_for_selector("#note[open]")
    page.keyboard.type("too dark")
    press(page, "Enter")
    page.wait_for_selector(f'html:not([data-image-id="{first}"])', state="attached")
    wait_until_sent(page)
    assert page.locator("html").get_attribute("data-refused") == "0"
    with ProjectFolder.open(server.project).database.read() as session:
        assert session.execute(select(Skip.image_id, Skip.reason)).all() == [(int(first), "too dark")]
        assert session.execute(select(Flag.image_id, Flag.note)).all() == [
            (int(first), "two people <b>here</b>")
        ]


def test_a_flag_is_kept_although_the_next_key_follows_at_once(page: Page, server: Server):
    first = note_begun(page, server, "two people")
    page.evaluate("""() => {
        document.querySelector('#note form').requestSubmit(document.querySelector('#note [value=yes]'));
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', code: 'Space', shiftKey: true, bubbles: true }));
    }""")
    expect(page.locator("#note h2")).to_contain_text("Skip")
    page.wait_for_selector("#note[open]")
    press(page, "Escape")
    wait_until_sent(page)
    with ProjectFolder.open(server.project).database.read() as session:
        assert session.execute(select(Flag.image_id, Flag.note)).all() == [(int(first), "two people")]


def test_the_colour_scheme_is_remembered_on_all_pages(page: Page, server: Server):
    page.goto(server.url)
    shown_image(page)
    for theme in ("light", "dark"):
        page.locator("#theme").press("Enter")
        page.wait_for_selector(f"html[data-theme={theme}]", state="attached")
    page.goto(f"{server.url}/snapshots")
    page.wait_for_selector("html[data-theme=dark]", state="attached")
    assert page.locator("html").evaluate("e => getComputedStyle(e).colorScheme") == "dark"


@pytest.mark.parametrize(
    ("width", "height", "touch"), [(1366, 768, False), (1920, 1080, False), (1024, 768, True)]
)
def test_eight_attributes_need_no_scrolling(
    browser: Browser, guided: Server, width: int, height: int, touch: bool
):
    size = {"width": width, "height": height}
    with open_context(browser, viewport=size, has_touch=touch, is_mobile=touch) as context:
        page = context.new_page()
        page.goto(guided.url)
        shown_image(page)
        assert page.locator("html").evaluate("e => [e.scrollHeight, e.scrollWidth]") == [height, width]
        assert page.locator("#attributes").evaluate("e => e.scrollHeight <= e.clientHeight")
        parts = page.locator(
            "[data-attribute] .value:visible, [data-attribute] input, .actions button:visible"
        ).all()
        boxes = [part.bounding_box() for part in parts]
        assert len(boxes) > 30
        assert all(
            box and box["y"] + box["height"] <= height and box["x"] + box["width"] <= width for box in boxes
        )
        if touch:
            assert min(box["height"] for box in boxes if box) >= 40
            image = shown_image(page)
            for attribute in (
                "wrinkles",
                "freckles",
                "glasses",
                "hair_color",
                "hair_top",
                "not_human",
                "beard",
            ):
                page.locator(f'[data-attribute={attribute}] [data-code="0"]').tap()
            page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")


def test_twelve_images_are_answered_while_the_server_is_away(page: Page, tmp_path: Path):
    draw_faces(tmp_path / "faces", 150, size=48)
    project = init_project(tmp_path / "project")
    import_images(project, [tmp_path / "faces"], LIMITS)
    project.database.close()
    chance = random.Random(6)
    with Server(project.path) as server:
        page.goto(server.url)
        pressed = dict([press_answers(page, chance)])
        wait_until_sent(page)
        page.wait_for_function(SUPPLIED, arg=12)
        server.stop(signal.SIGKILL)
        pressed |= dict(press_answers(page, chance) for _ in range(12))
        assert page.locator("html").get_attribute("data-unsent") == "12"
        server.start()
        wait_until_sent(page)
    assert {
        name: row for name, row in exported_labels(project.path, tmp_path / "s").items() if row
    } == pressed


def test_the_server_completes_a_name_among_many_people_and_knows_its_spelling(
    page: Page, filled: ProjectFolder, tmp_path: Path
):
    add_people(filled, 600)
    with Server(filled.path) as server:
        page.goto(server.url)
        images = [shown_image(page)]
        names = [image_name(page)]
        page.keyboard.press("p")
        page.keyboard.type("body 59")
        page.locator(".combobox li", has_text="Somebody 594").wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.locator(".value.given", has_text="Somebody 59").wait_for()
        page.keyboard.press("h")
        page.keyboard.press("1")
        page.wait_for_selector(f'html:not([data-image-id="{images[0]}"])', state="attached")
        shown_image(page)
        names.append(image_name(page))
        page.keyboard.press("p")
        page.keyboard.type("SOMEBODY 77")
        page.keyboard.press("Enter")
        page.locator(".value.given", has_text="Somebody 77").wait_for()
        page.keyboard.press("h")
        page.keyboard.press("1")
        wait_until_sent(page)
    found = exported_labels(filled.path, tmp_path / "s")
    assert [found[name]["identity"] for name in names] == ["59", "77"]
