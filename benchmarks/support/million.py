"""A project of a million labelled images, made by direct inserts into the real tables."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3

from annotator.domain.grouping.splits import SplitRule, own_group, shared_group
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.projects import init_project
from annotator.services.schema.active import active_schema

IMAGES_OF_A_PERSON = 20
WRITTEN = "2026-01-01 00:00:00.000000"


def make_large_project(path: Path, images: int, *, labelled: float = 0.9) -> ProjectFolder:
    """A project of so many image rows without files, the first `labelled` of them with answers to all attributes."""
    project = init_project(path)
    with project.database.read() as session:
        ids, required = active_schema(session).ids, len(active_schema(session).required)
        choices = {
            a.name: [v.code for v in a.values if not v.ends] for a in active_schema(session).schema.attributes
        }
    project.database.close()
    connection = pysqlite3.connect(project.database_file, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    done = int(images * labelled)
    connection.executemany(
        "INSERT INTO attribute_values (attribute_id, code, name, status, ends) VALUES (?, ?, ?, 'active', 0)",
        ((ids["identity"], code, f"person {code}") for code in range(-(-images // IMAGES_OF_A_PERSON))),
    )
    insert_rows(connection, "images", _images(images, done, required))
    insert_rows(connection, "submissions", _submissions(done))
    insert_rows(connection, "annotations", _annotations(done, ids, choices))
    connection.execute(
        "INSERT INTO labels (image_id, attribute_id, code, annotation_id) "
        "SELECT image_id, attribute_id, code, id FROM annotations ORDER BY image_id, attribute_id"
    )
    connection.execute("COMMIT")
    connection.close()
    with project.database.write() as session:
        recount(session)
    project.database.checkpoint()
    return project


def add_faces(project: ProjectFolder) -> None:
    """Give every image a described face."""
    project.database.close()
    connection = pysqlite3.connect(project.database_file, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    insert_rows(connection, "faces", _faces(connection.execute("SELECT max(id) FROM images").fetchone()[0]))
    connection.execute("COMMIT")
    connection.close()
    project.database.checkpoint()


def _faces(images: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    for number in range(1, images + 1):
        points = [[chance.randrange(256), chance.randrange(256)] for _ in range(5)]
        yield {
            "image_id": number, "number": 0, "turn": 0, '"left"': 60, "top": 70, '"right"': 190, "bottom": 200,
            "score": 3 * chance.random(), "points": json.dumps(points), "descriptor": bytes(512), "finder": "hog",
        }  # fmt: skip


def insert_rows(connection: Any, table: str, rows: Iterator[dict[str, Any]]) -> None:
    """Put rows with the same columns into a table."""
    first = next(rows)
    columns, marks = ", ".join(first), ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
    connection.execute(statement, tuple(first.values()))
    connection.executemany(statement, (tuple(row.values()) for row in rows))


def _images(images: int, done: int, cells: int) -> Iterator[dict[str, Any]]:
    rule = SplitRule()
    for number in range(images):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        named = number < done  # before an image is labelled, nothing ties it to others
        group = shared_group("identity", number // IMAGES_OF_A_PERSON) if named else own_group(sha256)
        # Names come in another order than they were imported in, as they do in life.
        name = f"{number % 1000:03d}/{number:07d}.jpg"
        yield {
            "id": number + 1, "name": name, "sha256": sha256, "extension": "jpg", "width": 256, "height": 256,
            "source": "made", "original_path": name, "group_key": group, "split": rule.split_of(group),
            "shuffle": int(sha256[:14], 16), "open_cells": 0 if number < done else cells, "created_at": WRITTEN,
        }  # fmt: skip


def _submissions(done: int) -> Iterator[dict[str, Any]]:
    for number in range(1, done + 1):
        yield {
            "id": number, "key": f"made {number}", "kind": "answer", "fingerprint": "", "labeller_id": 1,
            "image_id": number, "late": 0, "milliseconds": 1500, "created_at": WRITTEN,
        }  # fmt: skip


def _annotations(done: int, ids: dict[str, int], choices: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    chance = random.Random(0)
    for number in range(1, done + 1):
        for name, attribute in ids.items():
            values = choices[name]
            code = int(len(values) * chance.random() ** 3) if values else (number - 1) // IMAGES_OF_A_PERSON
            unsure = bool(values) and chance.random() < 0.01
            yield {
                "submission_id": number, "image_id": number, "attribute_id": attribute,
                "code": None if unsure else code, "origin": "human",
            }  # fmt: skip
