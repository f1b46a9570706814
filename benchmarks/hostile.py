"""What a labeller waits while the server is attacked, beside the same before and after, and how soon newcomers are served.

The attacks are those of tests/support/hostile: requests that are half sent, connections that are idle, answers that nobody
reads, bodies of a gigabyte, and, no attack, people who look through Browse in Chromium. One client labels without think time, over
one kept connection. A newcomer opens a connection and loads the label page. The attackers and Chromium run on the same cores, so
the waits hold what the attack itself takes of them.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from benchmarks.labelling import run_clients
from benchmarks.support.report import Figures, Size, percentiles
from tests.support.browser.chromium import chromium_options
from tests.support.browser.crowd import crowd, look_through
from tests.support.hostile import attacks
from tests.support.hostile.attacker import Attacker
from tests.support.projects.images import import_images
from tests.support.serving import Server

IMAGES = {"small": 200, "normal": 1500, "full": 5000}
SIDE = 160
ANSWERS = {"small": 20, "normal": 150, "full": 500}
NEWCOMERS = {"small": 3, "normal": 20, "full": 50}
PEOPLE = {"small": 2, "normal": 20, "full": 20}
STRENGTH = {"small": 1, "normal": 10, "full": 10}
"""How many times as strong as in tests/annotator/limits an attack is; 500 half sent requests, 1,100 idle connections."""
SENDERS = 4

Waits = dict[str, list[float]]


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), IMAGES[size])
        with Server(project.path) as server:
            rows = measure_attacks(server, size)
        project.database.close()
    return {f"one labeller, {ANSWERS[size]} answers each, {IMAGES[size]:,} images": rows}


def make_project(folder: Path, images: int) -> ProjectFolder:
    """A project of small pictures, each different, without any label."""
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(images):
        picture = Image.fromarray(random.integers(0, 255, (6, 6, 3), np.uint8)).resize((SIDE, SIDE))
        picture.save(folder / "pictures" / f"{number:05}.jpg")
    project = init_project(folder / "project")
    import_images(project, [folder / "pictures"], Limits(64_000_000, 2**27))
    return project


def measure_attacks(server: Server, size: Size) -> list[dict[str, Any]]:
    """The waits before, during each attack, and after."""
    measured: dict[str, Waits] = {"before": work(server, size)}
    for name, attack in connection_attacks(STRENGTH[size]).items():
        with Attacker(server) as attacker, attack(attacker):
            measured[name] = work(server, size)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        measured[f"{PEOPLE[size]} people on Browse"] = beside_people(server, size, browser)
        browser.close()
    measured["after"] = work(server, size)
    baseline = {name: measured["before"][name] + measured["after"][name] for name in ("next", "submit")}
    return [row(name, waits, baseline) for name, waits in measured.items()]


def connection_attacks(times: int) -> dict[str, Callable[[Attacker], Any]]:
    """Attacks by name, each a context of what goes on during it."""

    def held(begin: Callable[[Attacker, int], None]) -> Callable[[Attacker], Any]:
        def attack(attacker: Attacker) -> Any:
            begin(attacker, times)
            return nullcontext()

        return attack

    return {
        f"{50 * times} half sent": held(attacks.half_sent),
        f"{110 * times} idle": held(attacks.idle),
        f"{12 * times} unread": held(attacks.unread),
        "bodies of 1 GB": lambda attacker: attacks.bodies(attacker, SENDERS),
    }


def work(server: Server, size: Size) -> Waits:
    """Label, and after it let newcomers come."""
    waits, _ = run_clients("http", server.port, 1, ANSWERS[size])
    return {
        "next": waits["next"],
        "submit": waits["submit"],
        "newcomer": [newcomer(server.port) for _ in range(NEWCOMERS[size])],
    }


def newcomer(port: int) -> float:
    """The seconds until somebody who was not there has the label page."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/")
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200 or b"</html>" not in content:
        raise SystemExit(f"a newcomer got {answer.status}")
    return time.perf_counter() - started


def beside_people(server: Server, size: Size, browser: Browser) -> Waits:
    """The waits of a labeller while people scroll through Browse, a scroll every 50 ms in all."""
    with crowd(browser, server.url, PEOPLE[size]) as pages, working(server, size) as (waits, thread):
        look_through(pages, thread.is_alive)
    return waits


@contextmanager
def working(server: Server, size: Size) -> Iterator[tuple[Waits, threading.Thread]]:
    """A thread that labels; Playwright belongs to the thread that started it."""
    waits: Waits = {}
    thread = threading.Thread(target=lambda: waits.update(work(server, size)))
    thread.start()
    yield waits, thread
    thread.join()


def row(name: str, waits: Waits, baseline: Waits) -> dict[str, Any]:
    """The waits in milliseconds, and how many times those before and after."""

    def times(kind: str) -> float:
        return round(percentiles(waits[kind])["p95"] / percentiles(baseline[kind])["p95"], 2)

    return {
        "": name,
        **{f"next {part} ms": value for part, value in percentiles(waits["next"]).items()},
        **{f"submit {part} ms": value for part, value in percentiles(waits["submit"]).items()},
        "next p95 / alone": times("next"),
        "submit p95 / alone": times("submit"),
        "newcomer p50 ms": percentiles(waits["newcomer"])["p50"],
        "newcomer longest ms": round(1000 * max(waits["newcomer"]), 1),
    }
