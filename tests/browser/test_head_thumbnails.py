"""Grids show the heads of small faces, cut from the originals, and the pages of one image show the head at full detail."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.domain.faces.boxes import Box
from annotator.project import ProjectFolder
from tests.support.browser.pages import wait_until_ready
from tests.support.projects.face_photos import draw_face_photo, found_face, record_faces
from tests.support.projects.images import image_of, import_images
from tests.support.serving import Server

pytestmark = pytest.mark.browser

FACE = Box(900, 400, 1150, 650)
GRIDS = {"/browse": ".tile img", "/sweep": ".face img", "/people": ".face img"}


@pytest.fixture
def photos(project: ProjectFolder, tmp_path: Path) -> ProjectFolder:
    """A project of three photos with a small face, and one photo without a face."""
    names = [f"{number}.jpg" for number in range(3)]
    drawn = [
        draw_face_photo(tmp_path / name, [FACE], (1600, 1200), number) for number, name in enumerate(names)
    ]
    import_images(project, [*drawn, draw_face_photo(tmp_path / "none.jpg", [], (1600, 1200))])
    for name in names:
        record_faces(project, name, [found_face(FACE)])
    record_faces(project, "none.jpg", [])
    return project


def test_grids_show_heads_and_an_image_page_its_head_until_a_key_shows_it_whole(
    page: Page, photos: ProjectFolder
):
    number = image_of(photos, "1.jpg")
    photos.database.close()
    with Server(photos.path) as server:
        for path, selector in GRIDS.items():
            page.goto(server.url + path)
            wait_until_ready(page)
            heads = page.locator(f'{selector}[src*="/tiles/"]')
            # A sweep leaves out the images of the test split.
            assert heads.count() == 3 or (path == "/sweep" and heads.count() > 0)
            heads.first.evaluate("node => node.decode()")
            assert heads.first.evaluate("node => [node.naturalWidth, node.naturalHeight]") == [480, 480]
            assert page.locator(selector).count() <= heads.count() + (
                path != "/people"
            )  # the one without a face
        page.goto(f"{server.url}/browse/{number}")
        wait_until_ready(page)
        picture = page.locator("#picture")
        picture.evaluate("node => node.decode()")
        assert picture.evaluate("node => node.naturalWidth") > 600  # the original's pixels
        page.keyboard.press("/")
        page.wait_for_selector('#picture:not([src*="/tiles/"])')
        picture.evaluate("node => node.decode()")
        assert picture.evaluate("node => node.naturalWidth") == 1024
        picture.click()
        page.wait_for_selector('#picture[src*="/tiles/"]')
