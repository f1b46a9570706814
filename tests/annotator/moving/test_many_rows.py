"""A move of a million images with two million answers there and back; a thousandth of it unless in full runs."""

import random
from pathlib import Path

import pysqlite3

from annotator.database import open_database
from annotator.project import ProjectFolder
from annotator.services.moving.project import move_project

AT = "2026-11-30 15:00:22.123456"


def fill(file: Path, count: int) -> None:
    """Add images of one labeller, who answered two attributes of each."""
    draw = random.Random(0)

    def name(digits: int) -> str:
        return f"{draw.getrandbits(4 * digits):0{digits}x}"

    rows = {
        "images": (
            (i, f"{i:07d}.jpg", name(64), "jpg", 178, 218, "folder", "x.jpg", f"g{name(12)}", draw.getrandbits(62), "train", draw.getrandbits(31), 0, 1, 0, AT)
            for i in range(1, count + 1)
        ),
        "submissions": (
            (i, name(32), "label", name(64), 1, i, 0, draw.randrange(9000), draw.random(), AT) for i in range(1, count + 1)
        ),
        "annotations": (
            (2 * i + a - 2, i, i, a, draw.randrange(2), "human") for i in range(1, count + 1) for a in (1, 2)
        ),
    }  # fmt: skip
    columns = {
        "images": "id, name, sha256, extension, width, height, source, original_path, group_key, perceptual_hash, split, shuffle, "
        "open_cells, face_count, turn, created_at",
        "submissions": "id, key, kind, fingerprint, labeller_id, image_id, late, milliseconds, drawn, created_at",
        "annotations": "id, submission_id, image_id, attribute_id, code, origin",
    }
    connection = pysqlite3.connect(file)
    for table, names in columns.items():
        places = ", ".join("?" * len(names.split(",")))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows[table])
    connection.execute("INSERT INTO labels SELECT image_id, attribute_id, code, id FROM annotations")
    connection.commit()
    connection.close()


def test_many_rows_go_there_and_come_back(project: ProjectFolder, postgres_server, soak):
    count = 1_000_000 if soak else 1_000
    project.database.close()
    fill(project.database_file, count)
    url = postgres_server.create_with_tables()
    there = move_project(ProjectFolder.open(project.path), url, lambda *_: None)
    assert there.rows > 7 * count
    moved = ProjectFolder.open(project.path)
    assert moved.database.location == open_database(url).location
    project.database_file.rename(project.path / "kept")  # so that every row comes back
    back = move_project(moved, "file", lambda *_: None)
    assert back.tables == there.tables
    assert back.written == there.written == there.rows
    moved.database.close()
    postgres_server.drop(url)
