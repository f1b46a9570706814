"""The map of the images: how long placing them takes, how soon a lasso answers, and how many frames a second it moves with.

Made-up embeddings: 60 clusters in 64 coordinates. The map is drawn by Chromium without a graphics processor.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from annotator.formats.snapshot.image_map import MapPoints
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import add_map, find_map, images_inside
from annotator.services.review.counting import count_images
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images
from annotator.services.review.map_colours import map_colours
from benchmarks.browsing import fill
from benchmarks.labelling import make_project
from benchmarks.light_table import timed
from benchmarks.support.report import Figures, Size
from tests.support.browser.chromium import chromium_options
from tests.support.browser.pages import wait_until_ready
from tests.support.serving import Server
from trainer.probe.embeddings import NEAR
from trainer.probe.image_map import place

SCREENS = {"1366 × 768": (1366, 768, 1), "390 × 844, two pixels each": (390, 844, 2)}
LASSOS = {"a tenth": (0.0, 0.1), "a half": (0.0, 0.5)}
"""Part of the map's images → from which share to which, in the order from left to right."""
_MOVE = """async (frames) => {
    const stage = document.getElementById('stage');
    const canvas = document.getElementById('canvas');
    const box = stage.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const send = (type, across) => stage.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true, button: 0, clientX: x + across, clientY: y }));
    const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
    stage.setPointerCapture = () => {};
    send('pointerdown', 0);
    await frame();
    const before = Number(canvas.dataset.frames);
    const times = [await frame()];
    for (let number = 1; number <= frames; number += 1) {
        send('pointermove', 80 * Math.sin(number / 10));
        times.push(await frame());
    }
    send('pointerup', 0);
    return { drawn: Number(canvas.dataset.frames) - before, times };
}"""


def measure(size: Size) -> Figures:
    """Placing, the lasso, the frames."""
    counts = [500] if size == "small" else [10_000, 100_000]
    placing, lassos, frames = [], [], []
    for count in counts:
        near, kinds = clusters(count)
        start, busy = time.perf_counter(), time.process_time()
        places = place(near)
        seconds, processor = time.perf_counter() - start, time.process_time() - busy
        row = {"images": count, "seconds": round(seconds, 1), "of the processor": round(processor, 1)}
        placing.append(row | {"neighbours of one cluster": f"{alike(places, kinds):.1%}"})
        with tempfile.TemporaryDirectory() as folder:
            project = make_project(Path(folder) / "project", count, predicted=True)
            fill(project, count)
            with project.database.read() as session:
                ids = np.asarray(session.scalars(select(Image.id).order_by(Image.id)).all(), np.int64)
            add_map(project, MapPoints(ids, places, count))
            lassos += [lasso(project, places, name) for name in LASSOS]
            project.database.close()
            frames += moving(project, count)
    return {"placing the images": placing, "a lasso": lassos, "moving the map": frames}


def clusters(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings whose coordinates have falling variance, as principal coordinates have, and the cluster of each."""
    chance = np.random.default_rng(0)
    kinds = chance.integers(0, 60, count)
    centres = chance.normal(size=(60, NEAR)) * 2
    near = (centres[kinds] + chance.normal(size=(count, NEAR))) * np.linspace(3, 0.3, NEAR)
    return near.astype(np.float32), kinds


def alike(places: np.ndarray, kinds: np.ndarray) -> float:
    """Of 1,000 images, the fraction whose nearest neighbour on the map is of the same cluster."""
    right = 0
    for image in range(0, len(places), max(1, len(places) // 1000)):
        distances = ((places - places[image]) ** 2).sum(axis=1)
        distances[image] = np.inf
        right += kinds[distances.argmin()] == kinds[image]
    return right / len(range(0, len(places), max(1, len(places) // 1000)))


def lasso(project: ProjectFolder, places: np.ndarray, part: str) -> dict[str, Any]:
    """The first page of Browse, the count and the colours for a polygon around a part of the images."""
    left, right = (int(10_000 * np.quantile(places[:, 0], share)) for share in LASSOS[part])
    polygon = f"1_{left}.0-{right}.0-{right}.10000-{left}.10000"

    def page() -> None:
        with project.database.read() as session:
            find_images(project, session, Filters(inside=polygon), limit=60)

    def count() -> None:
        with project.database.read() as session:
            count_images(project, session, Filters(inside=polygon))

    def colours() -> None:
        with project.database.read() as session:
            map_colours(project, session, find_map(project), "prediction", "glasses")

    with project.database.read() as session:
        inside = len(images_inside(project, session, polygon))
    answers = {"first page s": timed(page), "count s": timed(count), "colours s": timed(colours)}
    return {"images": len(places), "lasso": f"{part}: {inside:,}"} | answers


def moving(project: ProjectFolder, count: int) -> list[dict[str, Any]]:
    """Frames of a second while the whole map is dragged, and while it is enlarged eight times."""
    rows = []
    with Server(project.path) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        for screen, (width, height, ratio) in SCREENS.items():
            context = browser.new_context(
                viewport={"width": width, "height": height}, device_scale_factor=ratio
            )
            page = context.new_page()
            page.goto(f"{server.url}/map")
            wait_until_ready(page)
            page.wait_for_selector("#legend li")
            whole = frames_a_second(page)
            page.locator("#stage").focus()
            for _ in range(5):
                page.keyboard.press("+")
            enlarged = frames_a_second(page)
            rows.append({"images": count, "screen": screen, "whole map": whole, "enlarged": enlarged})
            context.close()
        browser.close()
    return rows


def frames_a_second(page: Page) -> str:
    """The mean rate, and that of the slowest twentieth of the frames."""
    seen = page.evaluate(_MOVE, 120)
    steps = np.diff(seen["times"])
    assert seen["drawn"] >= len(steps) - 1, "every frame is drawn anew"
    return f"{1000 / steps.mean():.0f} (slowest: {1000 / np.quantile(steps, 0.95):.0f})"
