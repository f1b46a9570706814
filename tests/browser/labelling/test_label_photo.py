"""The label page shows the original's pixels: sharp after the preview, never another image's, upright, and where one looks closer."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FloatRect, Page, Route

from annotator.domain.faces.boxes import Box
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.browser.label_page import image_name, shown_image
from tests.support.projects.face_photos import PHONE, draw_face_photo, found_face, record_faces
from tests.support.projects.images import import_images
from tests.support.serving import Server

pytestmark = pytest.mark.browser

FACE = Box(2300, 900, 2900, 1500)
CHEEKS = Box(2400, 1120, 2800, 1180)
"""A part of the face without eyes and mouth."""
OTHER = Box(600, 1200, 1000, 1600)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of photos: one face, two faces (both of 12 megapixels), one not searched yet, one without a face."""
    folder = tmp_path_factory.mktemp("photos")
    draw_face_photo(folder / "one.jpg", [FACE])
    draw_face_photo(folder / "two.jpg", [FACE, OTHER], seed=1)
    draw_face_photo(folder / "unsearched.jpg", [OTHER], size=(1500, 2000), seed=2)
    Image.new("RGB", (1200, 900), "gray").save(folder / "none.jpg")
    project = init_project(folder / "project")
    import_images(project, [folder / f"{name}.jpg" for name in ("one", "two", "unsearched", "none")])
    record_faces(project, "one.jpg", [found_face(FACE)])
    record_faces(project, "two.jpg", [found_face(FACE), found_face(OTHER)])
    record_faces(project, "none.jpg", [])
    project.database.close()
    return folder


@pytest.fixture
def server(photos: Path, tmp_path: Path) -> Iterator[Server]:
    shutil.copytree(photos / "project", tmp_path / "project")
    with Server(tmp_path / "project") as served:
        yield served


def go_to(page: Page, name: str) -> str:
    """Skip images until this one is on the screen; returns its id."""
    for _ in range(8):
        image = shown_image(page)
        if image_name(page) == name:
            return image
        page.keyboard.press("Space")
        page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    raise AssertionError(f"{name} did not come")


def wait_until_sharp(page: Page, image: str) -> None:
    page.wait_for_selector(f'#frame[data-sharp="{image}"]')
    page.evaluate("() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))")


def place_of(page: Page, part: Box, width: int = PHONE[0]) -> FloatRect:
    """Where a part of a photo so many pixels wide is on the screen."""
    sheet = page.locator("#picture .sheet").bounding_box()
    assert sheet
    scale = sheet["width"] / width
    left, top = sheet["x"] + part.left * scale, sheet["y"] + part.top * scale
    return {"x": left, "y": top, "width": part.width * scale, "height": part.height * scale}


def fine_energy(pixels: Image.Image) -> float:
    """The energy of the brightness above a quarter cycle per pixel."""
    gray: NDArray[np.float64] = np.asarray(pixels.convert("L"), float)
    window = np.outer(np.hanning(gray.shape[0]), np.hanning(gray.shape[1]))
    spectrum = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    down, across = (np.fft.fftfreq(side)[:, None] for side in gray.shape)
    return float(spectrum[np.hypot(down, across.T) > 0.25].sum())


def shown_energy(page: Page, photos: Path, part: Box) -> float:
    """How much of the original's fine texture the screen shows in a part of the photo."""
    place = place_of(page, part)
    left, top = round(place["x"]), round(place["y"])
    width, height = int(place["width"]), int(place["height"])
    shot = page.screenshot(clip={"x": left, "y": top, "width": width, "height": height})
    scale = place["width"] / part.width
    with Image.open(photos / "one.jpg") as photo:
        source = photo.convert("RGB")
        x, y = part.left + (left - place["x"]) / scale, part.top + (top - place["y"]) / scale
        box = (x, y, x + width / scale, y + height / scale)
        expected = source.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return fine_energy(Image.open(io.BytesIO(shot))) / fine_energy(expected)


def test_the_screen_shows_the_skin_of_the_original(page: Page, server: Server, photos: Path):
    page.goto(server.url)
    image = go_to(page, "one.jpg")
    wait_until_sharp(page, image)
    assert page.locator("#head").get_attribute("aria-pressed") == "true"  # a small face: head first
    assert shown_energy(page, photos, CHEEKS) >= 0.8
    tile = page.locator("#sharp img").get_attribute("src")
    page.keyboard.press("PageUp")
    page.wait_for_selector(f'#sharp img:not([src="{tile}"])')
    assert shown_energy(page, photos, Box(2550, 1120, 2700, 1180)) >= 0.8


def test_a_tile_that_comes_late_is_never_laid_over_another_image(page: Page, server: Server):
    held: list[Route] = []

    page.route("**/tiles/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright looks at the function's arguments
    page.goto(server.url)
    first = shown_image(page)
    page.keyboard.press("Space")
    page.wait_for_selector(f'html[data-state=ready]:not([data-image-id="{first}"])', state="attached")
    second = shown_image(page)
    page.unroute_all(behavior="ignoreErrors")
    wait_until_sharp(page, second)
    assert page.locator("#sharp img").count() == 1
    frame = page.locator("#frame").bounding_box()
    page.keyboard.press("Backspace")
    page.wait_for_selector(f'html[data-state=ready][data-image-id="{first}"]', state="attached")
    wait_until_sharp(page, first)
    assert page.locator("#frame").bounding_box() == frame


def test_brightness_and_contrast_change_by_key_and_are_remembered_for_the_session(page: Page, server: Server):
    page.goto(server.url)
    shown_image(page)
    for key in (">", ">", ":"):
        page.keyboard.press(key)
    assert page.locator("#frame").get_attribute("data-tone") == "brightness 132 % · contrast 115 %"
    page.reload()
    shown_image(page)
    wanted = "brightness(1.3225) contrast(1.15)"
    for layer in ("#picture", "#sharp"):
        assert (
            page.locator(layer).evaluate("node => node.style.filter.replace('1.3224999999999998', '1.3225')")
            == wanted
        )
    assert page.locator("#marks").evaluate("node => node.style.filter") == ""
    page.keyboard.press("<")
    assert page.locator("#frame").get_attribute("data-tone") == "brightness 115 % · contrast 115 %"
    page.keyboard.press("*")
    assert page.locator("#frame").get_attribute("data-tone") is None
    assert page.locator("#picture").evaluate("node => node.style.filter") == ""


def test_several_faces_are_numbered_and_their_boxes_can_be_hidden(page: Page, server: Server):
    page.goto(server.url)
    go_to(page, "two.jpg")
    marks = page.locator("#marks .face")
    labels = ["Label this face, number 1 of 2", "Face 2, not asked about"]
    assert [mark.get_attribute("aria-label") for mark in marks.all()] == labels
    assert marks.first.is_visible()
    page.keyboard.press("End")
    assert not marks.first.is_visible()
    page.reload()
    shown_image(page)
    assert not marks.first.is_visible()
    page.keyboard.press("End")
    assert marks.first.is_visible()


@pytest.mark.parametrize(
    ("name", "words"),
    [("unsearched.jpg", "has not been searched for faces yet"), ("none.jpg", "No face was found")],
)
def test_the_head_key_says_why_there_is_no_head(page: Page, server: Server, name: str, words: str):
    page.goto(server.url)
    go_to(page, name)
    page.keyboard.press("/")
    assert words in (page.locator("#message").text_content() or "")


def test_a_lying_face_is_shown_upright(page: Page, project: ProjectFolder, tmp_path: Path):
    upright = Box(400, 500, 900, 1000)
    draw_face_photo(tmp_path / "upright.jpg", [upright], size=(1500, 2000))
    with Image.open(tmp_path / "upright.jpg") as photo:
        photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.jpg", quality=95)
    import_images(project, [tmp_path / "lying.jpg"])
    record_faces(project, "lying.jpg", [found_face(upright, turn=90)])
    project.database.close()
    with Server(project.path) as server:
        page.goto(server.url)
        image = shown_image(page)
        page.keyboard.press("/")
        page.wait_for_selector("#frame:not([data-zoom])")
        sheet = page.locator("#picture .sheet").bounding_box()
        assert sheet
        assert sheet["height"] > sheet["width"]
        assert page.locator("#picture img").bounding_box() == pytest.approx(sheet, abs=1)
        page.keyboard.press("/")
        wait_until_sharp(page, image)
        shot = Image.open(io.BytesIO(page.screenshot(clip=place_of(page, upright, 1500)))).convert("RGB")
        with Image.open(tmp_path / "upright.jpg") as photo:
            expected = photo.convert("RGB").crop(upright).resize(shot.size)
        assert np.abs(np.asarray(shot, int) - np.asarray(expected, int)).mean() < 12
