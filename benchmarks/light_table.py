"""The light table of browse: a change of 10,000 images with its undo, and how soon an order answers with 100,000 images."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from sqlalchemy import select

from annotator.formats.snapshot.embeddings import find_embeddings
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.review.counting import count_images, select_all
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images, prepare_search, ranked_page
from annotator.services.review.ordering import Order, rank_images
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

HEAD = {"eye_distance": 0.22, "eye_height": 0.5, "name": "head", "side": 192}
ORDERS: dict[str, dict[str, Any]] = {
    "by name": {},
    "newest": {"order": "date"},
    "uncertain": {"order": "uncertainty"},
    "uncertain glasses": {"order": "uncertainty", "attribute": "glasses"},
    "like 1 image": {"order": "likeness", "like": [77]},
    "like 20 images": {"order": "likeness", "like": list(range(100, 120))},
    "like 1, labelled": {"order": "likeness", "like": [77], "also": (("glasses", "labelled"),)},
    "two values": {"also": (("glasses", "1"), ("freckles", "0")), "by": "hair_color"},
    "predicted": {"attribute": "glasses", "value": "0", "predicted": 1},
}


def measure(size: Size) -> Figures:
    """The changes, then the orders."""
    images = 2000 if size == "small" else 100_000
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", images, predicted=True)
        fill(project, images)
        changes = [change(project, name, more) for name, more in CHANGES.items()]
        embed(project, images)
        orders = [answer(project, name, query) for name, query in ORDERS.items()]
        project.database.close()
    return {
        f"views of {images:,} images": orders,
        f"changes of {min(images, MAX_IMAGES):,} of {images:,} images": changes,
    }


def embed(project: ProjectFolder, images: int) -> None:
    """Write embeddings of random numbers for all images, as a round leaves them."""
    folder = project.cache / "made-heads"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps({"backbone": "made", "view": HEAD}))
    chance = np.random.default_rng(0)
    points = chance.normal(size=(images, 512)).astype(np.float16)
    save_file({"points": points}, folder / "points.safetensors")
    found = find_embeddings(project.cache)
    assert found is not None
    with project.database.read() as session:
        hashes = list(session.scalars(select(Image.sha256).order_by(Image.id)))
    (folder / "images.sha256").write_bytes(found.keys(hashes, [b""] * images).tobytes())


def answer(project: ProjectFolder, name: str, query: dict[str, Any]) -> dict[str, Any]:
    """The first page of a view, its next page, its number of images and all of their ids."""
    asked = dict(query)
    order: Order = asked.pop("order", "name")
    like, by = asked.pop("like", ()), asked.pop("by", None)

    def first(start: int = 0) -> None:
        with project.database.read() as session:
            ranked = rank_images(project, session, order, attribute=asked.get("attribute"), like=like)
            if ranked is None:
                find_images(project, session, Filters(**asked), limit=60)
            else:
                search = prepare_search(project, session, Filters(**asked))
                ranked_page(search, ranked, start=start, limit=60)

    def counted() -> None:
        with project.database.read() as session:
            count_images(project, session, Filters(**asked), by)

    def chosen() -> None:
        with project.database.read() as session:
            ranked = rank_images(project, session, order, attribute=asked.get("attribute"), like=like)
            select_all(project, session, Filters(**asked), ranked, MAX_IMAGES)

    row: dict[str, Any] = {"view": name, "first time s": timed(first), "again s": timed(first)}
    return row | {
        "next page s": timed(lambda: first(60)),
        "count s": timed(counted),
        "all ids s": timed(chosen),
    }


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


def timed(work: Callable[[], object]) -> str:
    """Seconds that a call takes, and in brackets those of the processor, which a busy machine does not lengthen."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return f"{time.perf_counter() - start:.2f} ({time.process_time() - busy:.2f})"
