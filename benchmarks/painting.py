"""How long a labeller looks at the old image: from the key press that ends it until the next one is painted.

Chromium on the real server, 100 faces. The page itself measures, from the key event's own time stamp to the frame after
the one that showed the next image (`performance.getEntriesByName('next-image')`); nothing is measured twice. Keys come
as fast as the browser takes them, and then with a labeller's pause before each image.

Then photos of 12 megapixels: how long after the preview the original's pixels are painted (`sharp-image`). The first image is
left out, because its tile cannot be fetched before it is shown.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from annotator.domain.faces.boxes import Box
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from benchmarks.support.data import faces
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.browser.chromium import chromium_options
from tests.support.projects.face_photos import draw_face_photo, found_face, record_faces
from tests.support.projects.images import import_images
from tests.support.serving import Server

KEYS = "000000"
"""One digit for each of the default schema's six required attributes."""

PAUSES = {"without a pause": 0, "with 1 s to look at each image": 1000}


def measure(size: Size) -> Figures:
    images = 10 if size == "small" else 100
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), images * len(PAUSES) + 40)
        with Server(project.path) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(**chromium_options())
            for title, pause in PAUSES.items():
                page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
                page.goto(server.url)
                rows.append({"keys": title, **label(page, images, pause)})
                page.context.close()
            version = browser.version
            browser.close()
    key = f"from key press to the next image painted, Chromium {version}"
    return {key: rows, "photos of 12 megapixels, with 1 s to look at each": measure_photos(size)}


def measure_photos(size: Size) -> list[dict[str, Any]]:
    """The waits for the preview and for the original's pixels, on photos whose faces are known."""
    images = 8 if size == "small" else 60
    face = Box(2300, 900, 2900, 1500)
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{number:03d}.jpg" for number in range(images)]
        photos = [
            draw_face_photo(Path(folder) / name, [face], seed=number) for number, name in enumerate(names)
        ]
        project = init_project(Path(folder) / "project")
        import_images(project, photos, Limits(64_000_000, 2**27))
        for name in names:
            record_faces(project, name, [found_face(face)])
        project.database.close()
        with Server(project.path) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(**chromium_options())
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            page.goto(server.url)
            page.wait_for_selector("#frame[data-sharp]")
            preview = label(page, images - 1, 1000)
            waits = page.evaluate(
                "performance.getEntriesByName('sharp-image').map((entry) => entry.duration)"
            )
            browser.close()
    sharp = {f"{name} ms": value for name, value in percentiles([wait / 1000 for wait in waits[1:]]).items()}
    return [
        {"until": "the preview is painted, from the key", **preview},
        {
            "until": "it is sharp, from the preview",
            "images": len(waits) - 1,
            **sharp,
            "slowest ms": round(max(waits[1:]), 2),
        },
    ]


def make_project(folder: Path, images: int) -> ProjectFolder:
    """A project of real faces where they are, drawn ones elsewhere."""
    source, _ = faces(folder)
    (folder / "some").mkdir()
    for path in sorted(source.glob("*.jpg"))[:images]:
        shutil.copyfile(path, folder / "some" / path.name)
    project = init_project(folder / "project")
    import_images(project, [folder / "some"], Limits(64_000_000, 2**27))
    project.database.close()
    return project


def label(page: Page, images: int, pause: int) -> dict[str, Any]:
    """Answer so many images by keys; returns the figures of the waits."""
    for _ in range(images):
        page.wait_for_selector("html[data-state=ready]", state="attached")
        shown = page.locator("html").get_attribute("data-image-id")
        page.wait_for_timeout(pause)
        for key in KEYS:
            page.keyboard.press(key)
        page.wait_for_selector(f'html:not([data-image-id="{shown}"])', state="attached")
    page.wait_for_selector('html[data-unsent="0"]', state="attached")
    waits = page.evaluate("performance.getEntriesByName('next-image').map((entry) => entry.duration)")
    figures = {f"{name} ms": value for name, value in percentiles([wait / 1000 for wait in waits]).items()}
    return {"images": len(waits), **figures, "slowest ms": round(max(waits), 2)}
