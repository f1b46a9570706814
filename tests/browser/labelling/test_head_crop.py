"""The label page begins with a small face's head or with the whole image, as a key says; the browser remembers the choice."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.faces.detection import find_all_faces
from tests.support.browser.label_page import shown_image
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def crowd(project: ProjectFolder, tmp_path: Path) -> ProjectFolder:
    """Two wide pictures, each of two people, one nearer than the other; their faces are found."""
    draw_faces(tmp_path / "people", 6, size=256)
    with Image.open(tmp_path / "people" / "0006.jpg") as opened:
        person = opened.convert("RGB")
    for number in range(2):
        picture = Image.new("RGB", (900, 620), (90, 120 + number, 90))
        picture.paste(person, (20, 100))
        picture.paste(person.resize((380, 380)), (480 + number, 120))
        picture.save(tmp_path / f"crowd{number}.png")
    import_images(project, [tmp_path / "crowd0.png", tmp_path / "crowd1.png"], LIMITS)
    assert find_all_faces(project, 1, lambda *_: None).with_several == 2
    return project


def test_a_small_face_begins_with_its_head_and_one_key_changes_that_for_every_image(
    page: Page, crowd: ProjectFolder
):
    with Server(crowd.path) as server:
        page.goto(server.url)
        first = shown_image(page)
        place = page.locator("#frame").bounding_box()
        marked = page.locator("#marks .face.asked")
        assert marked.get_attribute("aria-label") == "Label this face, number 1 of 2"
        assert page.locator("#marks .face b").all_inner_texts() == ["1", "2"]
        page.wait_for_selector("#frame[data-zoom]")
        near = marked.bounding_box()
        assert near
        assert place
        middle = near["x"] + near["width"] / 2 - place["x"]
        assert abs(middle - place["width"] / 2) < 0.2 * place["width"]
        picture = page.locator("#picture img").element_handle()
        page.keyboard.press("/")
        page.wait_for_selector("#frame:not([data-zoom])")
        frame = marked.bounding_box()
        assert frame
        assert frame["x"] > place["x"] + place["width"] / 2
        assert near["width"] > 1.5 * frame["width"]
        assert page.locator("#frame").bounding_box() == place
        assert picture.evaluate("image => image.isConnected && image.complete"), (
            "the same picture, not a new one"
        )
        page.keyboard.press("Space")
        page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{first}"])', state="attached")
        page.wait_for_selector("#frame:not([data-zoom])")
        page.reload()
        shown_image(page)
        page.wait_for_selector("#frame:not([data-zoom])")
        assert page.locator("#head").get_attribute("aria-pressed") == "false"
        page.locator("#head").click()
        page.wait_for_selector("#head[aria-pressed=true]")
        page.wait_for_selector("#frame[data-zoom]")
        page.keyboard.press("Home")
        page.wait_for_selector("#frame:not([data-zoom])")
        page.reload()
        shown_image(page)
        page.wait_for_selector("#frame[data-zoom]")
