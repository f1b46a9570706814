"""How soon the first page of each view of browse and of review answers, and how long a whole project takes to look through.

200,000 generated image rows (no files), a third of them labelled by two people, with predictions for all of them. A view
so rare that its first page needs more than one request is told: `requests` says how many it took, `ms` all of them.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from annotator.models import Annotation, Flag, Image, Label, Labeller, now
from annotator.project import ProjectFolder
from annotator.services.annotation.log import add_submission
from annotator.services.review.filters import Filters
from annotator.services.review.listing import card_labels, find_images
from annotator.services.schema.active import active_schema
from benchmarks.labelling import make_project
from benchmarks.support.report import Figures, Size

LIMIT = 60
VIEWS: dict[str, dict[str, Any]] = {
    "all": {},
    "name begins": {"name": "01234"},
    "name holds": {"name": "*9876"},
    "value, common": {"attribute": "glasses", "value": "0"},
    "value, 1 in 1000": {"attribute": "hair_color", "value": "4"},
    "value, never": {"attribute": "hair_color", "value": "7"},
    "can't tell": {"attribute": "hair_top", "value": "unsure"},
    "not labelled": {"attribute": "glasses", "value": "none"},
    "labeller": {"labeller": "Ada"},
    "origin": {"origin": "human"},
    "origin, never": {"origin": "import"},
    "split": {"split": "test"},
    "source": {"source": "made"},
    "group": {"group": "image:5feceb66ffc86f38"},
    "flag": {"flag": "open"},
    "opinions differ": {"differing": True},
    "suggestion differs": {"contradicted": 0.0},
    "model is sure": {"contradicted": 0.9},
}


def measure(size: Size) -> Figures:
    """First pages of every view."""
    images = 2000 if size == "small" else 200_000
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", images, predicted=True)
        fill(project, images)
        rows = [first_page(project, name, Filters(**filters)) for name, filters in VIEWS.items()]
        project.database.close()
    return {f"first page of {LIMIT}, {images:,} images": rows}


def fill(project: ProjectFolder, images: int) -> None:
    """Label a third of the images by hand, with some flags and some opinions that differ."""
    chance = random.Random(0)
    with project.database.write() as session:
        ids = active_schema(session).ids
        people = [Labeller(name=name) for name in ("Ada", "Grace")]
        session.add_all(people)
        session.flush()
        numbers = list(session.scalars(select(Image.id).order_by(Image.id)))[: images // 3]
        given: list[dict[str, Any]] = []
        labels: list[dict[str, Any]] = []
        for place, number in enumerate(numbers):
            if place % 1000 == 0:
                key = f"made {place}"
                row = add_submission(
                    session, key=key, kind="answer", fingerprint=key, labeller_id=people[place // 1000 % 2].id,
                    image_id=number,
                )  # fmt: skip
            for name in ("wrinkles", "freckles", "glasses", "hair_color", "hair_top", "not_human"):
                rare = chance.random() < 0.001
                code = {"hair_color": 4 * rare, "glasses": 1 * rare, "hair_top": None}.get(name, 0)
                cell = {"image_id": number, "attribute_id": ids[name], "code": code}
                given.append({"id": len(given) + 1, "submission_id": row, "origin": "human", **cell})
                labels.append({"annotation_id": len(given), **cell})
        opinions = [
            {"submission_id": row, "origin": "opinion", "image_id": n, "attribute_id": ids["glasses"], "code": 1}
            for n in chance.sample(numbers, max(1, images // 400))
        ]  # fmt: skip
        session.execute(insert(Annotation), given)
        session.execute(insert(Annotation), opinions)
        session.execute(insert(Label), labels)
        flags = chance.sample(numbers, max(1, images // 1000))
        session.execute(
            insert(Flag),
            [
                {
                    "image_id": n,
                    "labeller_id": people[0].id,
                    "key": str(n),
                    "note": "look",
                    "created_at": now(),
                }
                for n in flags
            ],
        )
    project.database.checkpoint()


def first_page(project: ProjectFolder, name: str, filters: Filters) -> dict[str, Any]:
    """Ask on until the first page is full or there is no more, as the browse page does."""
    found, after, requests = 0, None, 0
    waits: list[float] = []
    while found < LIMIT:
        start = time.perf_counter()
        with project.database.read() as session:
            page = find_images(project, session, filters, after=after, limit=LIMIT - found)
            card_labels(session, page.images)
        waits.append(1000 * (time.perf_counter() - start))
        found, after, requests = found + len(page.images), page.next, requests + 1
        if after is None:
            break
    return {
        "view": name,
        "images": found,
        "requests": requests,
        "longest request ms": round(max(waits), 1),
        "ms": round(sum(waits), 1),
    }
