"""A project as a team has it after some months: a tenth of its images labelled by three people, with all that comes along.

Flags, leases, gold images, wanted opinions, described faces, perceptual hashes, predictions for all images, one round.
Every count is a share of the number of images, so that two sizes of it are the same project.
"""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pysqlite3

from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from benchmarks.support.million import WRITTEN, insert_rows, make_large_project
from tests.support.predictions_folder import write_predictions

LABELLED = 0.1
FACES_OF_A_PERSON = 10
COLLEAGUES = ("Ada", "Grace")


def make_team_project(path: Path, images: int) -> ProjectFolder:
    """Such a project of so many image rows without files."""
    project = make_large_project(path, images, labelled=LABELLED)
    with project.database.read() as session:
        ids = active_schema(session).ids
    project.database.close()
    done = int(images * LABELLED)
    connection = pysqlite3.connect(project.database_file, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    people = [
        connection.execute("INSERT INTO labellers (name, active) VALUES (?, 1)", (name,)).lastrowid
        for name in COLLEAGUES
    ]
    _give_opinions(connection, done, people, ids["identity"])
    connection.executemany(
        "UPDATE images SET perceptual_hash = ?, face_count = 0 WHERE id = ?",
        ((int(hashlib.sha256(b"look %d" % n).hexdigest()[:15], 16), n) for n in range(1, images + 1)),
    )
    insert_rows(connection, "faces", _faces(done))
    connection.execute("UPDATE images SET face_count = 1 WHERE id <= ?", (done,))
    few = range(1, done, 100)
    insert_rows(connection, "flags", _flags(few, people[0]))
    insert_rows(connection, "gold", _gold(few, ids))
    insert_rows(connection, "opinions_wanted", ({"image_id": n + 1} for n in few))
    insert_rows(
        connection, "leases", (_lease(done + n, people[n % 2]) for n in range(1, max(9, images // 10_000)))
    )
    connection.execute("UPDATE project SET overlap_share = 0.1, overlap_opinions = 3")
    connection.execute("COMMIT")
    connection.close()
    _predict(project)
    project.database.checkpoint()
    return project


def _give_opinions(connection: Any, done: int, people: list[int], identity: int) -> None:
    """The others' answers to the images of the first labeller: mostly the same."""
    chance = random.Random(1)
    for person in people:
        first = connection.execute("SELECT max(id) FROM submissions").fetchone()[0]
        insert_rows(
            connection,
            "submissions",
            (
                {
                    "id": first + n, "key": f"made by {person} {n}", "kind": "answer", "fingerprint": "",
                    "labeller_id": person, "image_id": n, "late": 0, "milliseconds": 1000 + n % 2000, "created_at": WRITTEN,
                }
                for n in range(1, done + 1)
            ),
        )  # fmt: skip
        known = connection.execute(
            "SELECT image_id, attribute_id, code FROM labels WHERE attribute_id != ?", (identity,)
        ).fetchall()
        insert_rows(
            connection,
            "annotations",
            (
                {
                    "submission_id": first + image, "image_id": image, "attribute_id": attribute,
                    "code": code if chance.random() < 0.9 else 0, "origin": "opinion",
                }
                for image, attribute, code in known
            ),
        )  # fmt: skip


def _faces(done: int) -> Iterator[dict[str, Any]]:
    """Descriptors spread as those of CelebA."""
    chance = np.random.default_rng(0)
    for n in range(1, done + 1):
        if n % FACES_OF_A_PERSON == 1:
            middle = chance.normal(size=128) * 0.53 / np.sqrt(128)
        face = (middle + chance.normal(size=128) * 0.33 / np.sqrt(128)).astype("<f4")
        yield {
            "image_id": n, "number": 0, "turn": 0, "left": 40, "top": 40, "right": 120, "bottom": 120,
            "score": 1.0, "points": "[]", "descriptor": face.tobytes(),
        }  # fmt: skip


def _flags(images: range, labeller: int) -> Iterator[dict[str, Any]]:
    for n in images:
        yield {"image_id": n, "labeller_id": labeller, "key": str(n), "note": "look", "created_at": WRITTEN}


def _gold(images: range, ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    for n in images:
        yield {
            "image_id": n,
            "answers": f"[[{ids['glasses']}, 0], [{ids['wrinkles']}, 1]]",
            "labeller_id": 1,
            "created_at": WRITTEN,
        }


def _lease(image: int, labeller: int) -> dict[str, Any]:
    return {
        "image_id": image, "labeller_id": labeller, "token": f"token {image}",
        "expires_at": "2099-01-01 00:00:00.000000",
    }  # fmt: skip


def _predict(project: ProjectFolder) -> None:
    """Predictions of one attribute for every image, and the round that they came from."""
    connection = pysqlite3.connect(project.database_file, isolation_level=None)
    doubts = {
        name: [0.4 + shuffle / 2**57, 0.3, 0.1]
        for name, shuffle in connection.execute("SELECT name, shuffle FROM images")
    }
    insert_rows(
        connection,
        "rounds",
        iter(
            [
                {
                    "id": 1, "state": "done", "engine": "probe", "strategy": "margin", "stage": "", "done": 1, "total": 1,
                    "message": "", "attempts": 1, "metrics": "{}", "created_at": WRITTEN, "finished_at": WRITTEN,
                }
            ]
        ),
    )  # fmt: skip
    connection.close()
    load_predictions(project, write_predictions(project, project.rounds / "0001" / "predictions", doubts), 1)
