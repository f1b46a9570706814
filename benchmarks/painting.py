"""How long a labeller looks at the old image: from the key press that ends it until the next one is painted.

Chromium on the real server, 100 faces. The page itself measures, from the key event's own time stamp to the frame after
the one that showed the next image (`performance.getEntriesByName('next-image')`); nothing is measured twice. Keys come
as fast as the browser takes them, and then with a labeller's pause before each image.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from benchmarks.support.data import faces
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.browser.chromium import chromium_options
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
    return {f"from key press to the next image painted, Chromium {version}": rows}


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
