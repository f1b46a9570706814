"""How fast faces are clustered, and how fast the people page's calls answer with 10,000 named people.

Generated descriptors, spread as those of CelebA are.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.faces.clusters import cluster_faces
from annotator.models import ValueRow
from annotator.project import ProjectFolder
from annotator.services.annotation.log import add_submission, annotate_all
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.active import active_schema
from benchmarks.labelling import make_project
from benchmarks.people import add_faces, next_set
from benchmarks.support.report import Figures, Size, percentiles

FACES_OF_ONE = 10
SPREAD_OF_PEOPLE, SPREAD_OF_FACES = 0.53, 0.33
"""Root mean squared distance of people from their common middle, and of faces from their person's, on CelebA."""


def measure(size: Size) -> Figures:
    """Clustering, and every call."""
    counts = {"small": [2000], "normal": [10_000], "full": [10_000, 100_000]}[size]
    people = 200 if size == "small" else 10_000
    return {
        "clustering, nobody named": [time_clusters(count) for count in counts],
        f"ms of a call with {people:,} named people": time_api(people),
    }


def generated(people: int, faces: int) -> NDArray[np.float32]:
    """Descriptors of people with so many faces each, spread as those of CelebA."""
    chance = np.random.default_rng(0)
    middles = chance.normal(size=(people, 128)) * SPREAD_OF_PEOPLE / np.sqrt(128)
    noise = chance.normal(size=(people * faces, 128)) * SPREAD_OF_FACES / np.sqrt(128)
    return (np.repeat(middles, faces, axis=0) + noise).astype(np.float32)


def time_clusters(count: int) -> dict[str, Any]:
    """Seconds to cluster so many faces without a name."""
    descriptors = generated(count // FACES_OF_ONE, FACES_OF_ONE)
    start = time.perf_counter()
    numbers = cluster_faces(descriptors)
    seconds = time.perf_counter() - start
    return {"faces": count, "clusters": int(numbers.max()) + 1, "seconds": round(seconds, 1)}


def time_api(people: int) -> list[dict[str, Any]]:
    """Milliseconds of the page's calls: so many named people with a face each, as many faces without a name."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", 2 * people, predicted=False)
        descriptors = generated(people, 2)
        images = add_faces(project, descriptors)
        name_first_faces(project, images[::2])
        start = time.perf_counter()
        next_set(project)
        reading = time.perf_counter() - start
        client = create_app(project, Settings(start_token=False)).test_client()
        skipped: list[int] = []

        def look() -> None:
            client.post("/api/v1/people/sets", json={"count": 3, "without": skipped[-5000:]})

        def name() -> None:
            found = client.post("/api/v1/people/sets", json={"count": 1}).get_json()["sets"][0]
            images = [face["image_id"] for face in found["faces"]]
            client.post(
                "/api/v1/people/confirm",
                json={"person": found["people"][0]["code"], "images": images},
                headers={"Idempotency-Key": secrets.token_hex(8)},
            )

        calls: dict[str, Callable[[], object]] = {
            "sets": look,
            "sets + confirm": name,
            "list, first page": lambda: client.get("/api/v1/people"),
            "list, search": lambda: client.get("/api/v1/people?search=99"),
            "one person": lambda: client.get(f"/api/v1/people/{people // 2}"),
            "schema": lambda: client.get("/api/v1/schema"),
            "names for completion": lambda: client.get("/api/v1/people/names?search=99"),
            "page": lambda: client.get("/people"),
        }
        rows = [
            {
                "call": "faces read, clustered, compared (in the background)",
                "calls": 1,
                "p50": round(1000 * reading, 1),
                "p95": None,
            }
        ]
        for title, call in calls.items():
            waits = []
            for _ in range(30):
                begun = time.perf_counter()
                call()
                waits.append(time.perf_counter() - begun)
            found = percentiles(waits)
            rows.append({"call": title, "calls": len(waits), "p50": found["p50"], "p95": found["p95"]})
        project.database.close()
    return rows


def name_first_faces(project: ProjectFolder, images: list[int]) -> None:
    """One named person for each of the images."""
    with project.database.write() as session:
        attribute_id, attribute = identity_attribute(session)
        session.execute(
            insert(ValueRow),
            [
                {
                    "attribute_id": attribute_id,
                    "code": code,
                    "name": f"Somebody {code}",
                    "status": "active",
                    "ends": False,
                }
                for code in range(len(images))
            ],
        )
        submission_id = add_submission(
            session, key="made", kind="people", fingerprint="made", labeller_id=1, image_id=None
        )
        active = active_schema(session)
        for start in range(0, len(images), 500):
            some = images[start : start + 500]
            answers = [(image, attribute, start + at, "human") for at, image in enumerate(some)]
            annotate_all(session, active, submission_id, answers)
    project.database.checkpoint()
