"""The light table of browse: a change of 10,000 images with its undo, and how soon an order answers with 100,000 images."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.selection.actions import Change
from annotator.services.selection.changes import MAX_IMAGES, make_change, preview_change, undo_change
from benchmarks.browsing import fill
from benchmarks.labelling import make_project
from benchmarks.support.report import Figures, Size

CHANGES: dict[str, dict[str, Any]] = {
    "set": {"attribute": "glasses", "value": 2},
    "set, adjudicated": {"attribute": "glasses", "value": 1, "adjudicate": True},
    "clear one attribute": {"attribute": "wrinkles"},
    "clear all": {},
    "flag": {"note": "look"},
    "gold": {},
}


def measure(size: Size) -> Figures:
    """The changes, then the orders."""
    images = 2000 if size == "small" else 100_000
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", images, predicted=True)
        fill(project, images)
        changes = [change(project, name, more) for name, more in CHANGES.items()]
        project.database.close()
    return {f"changes of {min(images, MAX_IMAGES):,} of {images:,} images": changes}


def change(project: ProjectFolder, name: str, more: dict[str, Any]) -> dict[str, Any]:
    """Preview, store and undo one change."""
    with project.database.read() as session:
        ids = tuple(session.scalars(select(Image.id).order_by(Image.id).limit(MAX_IMAGES)))
    one = Change(name.split(",", maxsplit=1)[0].split(maxsplit=1)[0], ids, **more)

    def previewed() -> None:
        with project.database.read() as session:
            preview_change(session, 1, one)

    def made() -> None:
        with project.database.write() as session:
            make_change(session, 1, name, one)

    def undone() -> None:
        with project.database.write() as session:
            undo_change(session, 1, f"undo {name}", name)

    return {"change": name, "preview s": timed(previewed), "change s": timed(made), "undo s": timed(undone)}


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 3)
