"""The label page zooms to the labelled head on a key, and the browser remembers the choice."""

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
        picture = Image.new("RGB", (900, 420), (90, 120 + number, 90))
        picture.paste(person, (20, 100))
        picture.paste(person.resize((380, 380)), (480 + number, 20))
        picture.save(tmp_path / f"crowd{number}.png")
    import_images(project, [tmp_path / "crowd0.png", tmp_path / "crowd1.png"], LIMITS)
    assert find_all_faces(project, 1, lambda *_: None).with_several == 2
    return project


def test_one_key_zooms_to_the_labelled_head_and_the_choice_is_remembered(page: Page, crowd: ProjectFolder):
    with Server(crowd.path) as server:
        page.goto(server.url)
        first = shown_image(page)
        place = page.locator("#frame").bounding_box()
        assert page.locator("#picture svg.face").get_attribute("aria-label") == "Label this face, one of 2"
        frame = page.locator("#picture svg.face rect").bounding_box()
        assert frame
        assert place
        assert frame["x"] > place["x"] + place["width"] / 2
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.keyboard.press("/")
        page.wait_for_selector("#frame[data-zoom]")
        near = page.locator("#picture svg.face rect").bounding_box()
        assert near
        assert near["width"] > 1.5 * frame["width"]
        middle = near["x"] + near["width"] / 2 - place["x"]
        assert abs(middle - place["width"] / 2) < 0.2 * place["width"]
        assert page.locator("#frame").bounding_box() == place
        assert [url for url in requests if "/media/" in url] == []
        page.keyboard.press("Space")
        page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{first}"])', state="attached")
        page.wait_for_selector("#frame[data-zoom]")
        page.reload()
        shown_image(page)
        page.wait_for_selector("#frame[data-zoom]")
        assert page.locator("#head").get_attribute("aria-pressed") == "true"
        page.keyboard.press("Home")
        page.wait_for_selector("#frame:not([data-zoom])")
        page.locator("#head").click()
        page.wait_for_selector("#head[aria-pressed=false]")
        page.reload()
        shown_image(page)
        page.wait_for_selector("#frame:not([data-zoom])")
