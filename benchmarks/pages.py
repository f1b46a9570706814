"""How soon each page's requests answer with 1,000,000 images, beside the same with 10,000.

A tenth of the images are labelled by three people, in seven attributes (see team_project). The app is called in the
process, without a network; each request a few times: `first` is what the first one takes, in a process that knows nothing
yet, `again` the median of the later ones, with answers in between, `cpu` that of the processor's time alone. What the worker
counts for the pages of a large project is measured as well, in a row of its own.
"""

import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import StatisticsCounter
from annotator.services.rounds.status import read_status
from annotator.work.threads import STATISTICS
from benchmarks.support.report import Figures, Size
from benchmarks.support.team_project import make_team_project

AGAIN = 5
VALUES = {"wrinkles": 0, "freckles": 1, "glasses": 2, "hair_color": 3, "hair_top": 1, "not_human": 0}
READS = (
    "me", "progress", "images?limit=60", "images?limit=60&attribute=hair_color&value=8",
    "images?limit=60&value=none&attribute=glasses", "images?limit=60&split=test", "images?limit=60&name=*123",
    "images?limit=60&labeller=Ada", "images?limit=60&source=made", "images?limit=60&group=identity:7",
    "images?limit=60&flag=open", "images?limit=60&disagreement=opinions", "images?limit=60&disagreement=model", "images/77",
    "review?kind=flags", "review?kind=opinions", "review?kind=undecided", "review?kind=model", "groups", "groups?after=400",
    "groups/images?key=identity:7", "groups/leaks", "people", "people?search=99", "people/names?search=99", "people/0",
    "faces?image_id=5",
    "team", "team/aggregation", "rounds", "rounds/1", "insights", "snapshots", "imports", "schema", "schema/changes",
)  # fmt: skip
PAGES = (
    "", "sweep", "people", "people/all", "browse", "browse/77", "review", "groups", "team", "schema", "rounds",
    "insights", "snapshots", "import",
)  # fmt: skip


def measure(size: Size) -> Figures:
    """Both sizes, a row for each request."""
    sizes = (1000, 5000) if size == "small" else (10_000, 1_000_000)
    found: dict[str, dict[str, Any]] = {}
    for images in sizes:
        with tempfile.TemporaryDirectory() as folder:
            project = make_team_project(Path(folder) / "project", images)
            for what, figures in requests_of(project).items():
                row = found.setdefault(what, {"request": what})
                row |= {f"{name}, {images:,}": value for name, value in figures.items()}
            project.database.close()
    return {"milliseconds a request": list(found.values())}


class Stopwatch:
    """Wall and processor milliseconds of what is done, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    @contextmanager
    def time(self, what: str) -> Iterator[None]:
        """Measure the body. A thread in the background, as that which reads faces, is not counted to `cpu`."""
        wall, cpu = time.perf_counter(), time.thread_time()
        yield
        self.cpu.setdefault(what, []).append(1000 * (time.thread_time() - cpu))
        self.wall.setdefault(what, []).append(1000 * (time.perf_counter() - wall))

    def figures(self) -> dict[str, dict[str, float]]:
        """First and later ones of everything."""
        return {
            what: {
                "first": round(waits[0], 1),
                "again": round(statistics.median(waits[1:] or waits), 1),
                "cpu": round(statistics.median(self.cpu[what][1:] or self.cpu[what]), 1),
            }
            for what, waits in self.wall.items()
        }


def requests_of(project: ProjectFolder) -> dict[str, dict[str, float]]:
    """What each request takes, in milliseconds."""
    client = create_app(project, Settings(start_token=False)).test_client()
    watch = Stopwatch()

    def call(what: str, method: str, path: str, body: Any = None) -> Any:
        with watch.time(what):
            return ask(client, method, path, body)

    for kind in STATISTICS:
        with watch.time(f"worker: {kind.name}"):
            StatisticsCounter(project, (kind,)).run_step()
    for _ in range(1 + AGAIN):
        [task] = call("POST tasks/next", "POST", "tasks/next", {"count": 1})["tasks"]
        answer = {"image_id": task["image_id"], "lease": task["lease"], "values": VALUES, "milliseconds": 900}
        call("POST annotations", "POST", "annotations", answer)
        call("POST annotations/undo", "POST", "annotations/undo", {})
        call("POST sweep/next", "POST", "sweep/next", {"attribute": "glasses", "count": 24})
        call("POST people/sets", "POST", "people/sets", {"count": 1})
        for path in READS:
            call(f"GET {path}", "GET", path)
        for path in PAGES:
            with watch.time(f"page /{path}"):
                if client.get(f"/{path}").status_code != 200:
                    raise SystemExit(f"/{path} does not answer")
        with watch.time("facelabel status"), project.database.read() as session:
            read_status(project, session)
    return watch.figures()


def ask(client: FlaskClient, method: str, path: str, body: Any) -> Any:
    """Call the API; anything but success ends the benchmark."""
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=headers)
    if answer.status_code != 200:
        raise SystemExit(f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)}")
    return answer.get_json()
