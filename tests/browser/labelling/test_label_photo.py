"""The label page shows the original's pixels: sharp after the preview, never another image's, upright, and where one looks closer."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page

from annotator.domain.faces.boxes import Box
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
    """A project of three photos of 12 megapixels: one face, two faces, and one not searched yet."""
    folder = tmp_path_factory.mktemp("photos")
    draw_face_photo(folder / "one.jpg", [FACE])
    draw_face_photo(folder / "two.jpg", [FACE, OTHER], seed=1)
    draw_face_photo(folder / "unsearched.jpg", [OTHER], size=(2000, 2000), seed=2)
    project = init_project(folder / "project")
    import_images(project, [folder / f"{name}.jpg" for name in ("one", "two", "unsearched")])
    record_faces(project, "one.jpg", [found_face(FACE)])
    record_faces(project, "two.jpg", [found_face(FACE), found_face(OTHER)])
    project.database.close()
    return folder


@pytest.fixture
def server(photos: Path, tmp_path: Path) -> Iterator[Server]:
    shutil.copytree(photos / "project", tmp_path / "project")
    with Server(tmp_path / "project") as served:
        yield served


def go_to(page: Page, name: str) -> str:
    """Skip images until this one is on the screen; returns its id."""
    for _ in range(3):
        image = shown_image(page)
        if image_name(page) == name:
            return image
        page.keyboard.press("Space")
        page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    raise AssertionError(f"{name} did not come")


def wait_until_sharp(page: Page, image: str) -> None:
    page.wait_for_selector(f'#frame[data-sharp="{image}"]')
    page.evaluate("() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))")


def on_screen(page: Page, part: Box) -> dict[str, float]:
    """Where a part of a photo is on the screen."""
    sheet = page.locator("#picture .sheet").bounding_box()
    assert sheet
    scale = sheet["width"] / PHONE[0]
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
    place = on_screen(page, part)
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
