"""How long a snapshot of a large project takes to write, to verify and to compare, and in how much memory.

The baseline is the sqlite3 program writing the same rows of labels.csv and images.csv from the same database. Beside
the seconds stands processor time: it is what can be compared on a machine that others use too.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from annotator.services.schema.active import active_schema
from benchmarks.support.million import add_faces, make_large_project
from benchmarks.support.report import Figures, Size

TURNS = 3
"""How often sqlite3 and the export take turns."""
IMAGES = """SELECT name AS image_name, sha256, width, height, split, group_key AS "group", source, original_path,
'' AS crop_box, substr(sha256, 1, 2) || '/' || sha256 || '.' || extension AS file FROM images ORDER BY name;"""


def measure(size: Size) -> Figures:
    """Write two snapshots that differ in every tenth image, verify one, compare them; export and verify again with faces."""
    images = 5000 if size == "small" else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        project = make_large_project(path / "project", images)
        with project.database.read() as session:
            ids = active_schema(session).ids
        project.database.close()
        (path / "baseline.sql").write_text(baseline(ids, path))
        script = f'sqlite3 -readonly "{project.database_file}" < "{path / "baseline.sql"}"'
        rows = [
            *middle(
                (
                    run("sqlite3 writing the same rows", ["sh", "-c", script]),
                    run("export", facelabel("export", "-p", project.path, "--to", path / f"a{turn}")),
                )
                for turn in range(TURNS)
            ),
            run("verify", facelabel("verify", path / "a0")),
        ]
        with project.database.write() as session:
            session.connection().exec_driver_sql(
                f"UPDATE labels SET code = 1 - min(code, 1) WHERE attribute_id = {ids['glasses']} AND image_id % 10 = 0"
            )
        project.database.close()
        subprocess.run(
            facelabel("export", "-p", project.path, "--to", path / "b"), check=True, capture_output=True
        )
        rows.append(run("diff, every tenth image changed", facelabel("diff", path / "a0", path / "b")))
        add_faces(project)
        rows.append(
            run("export, a face in every image", facelabel("export", "-p", project.path, "--to", path / "c"))
        )
        rows.append(run("verify, a face in every image", facelabel("verify", path / "c")))
    return {f"{images:,} images × {len(ids)} attributes": rows}


def baseline(ids: dict[str, int], folder: Path) -> str:
    """What the sqlite3 program is told: of two ways to ask for the labels the faster one."""
    cells = ", ".join(
        f"max(CASE WHEN l.attribute_id = {number} THEN coalesce(l.code, -1) END) AS {name}"
        for name, number in ids.items()
    )
    labels = (
        f"SELECT i.name AS image_name, {cells} FROM images i LEFT JOIN labels l ON l.image_id = i.id "
        "GROUP BY i.name ORDER BY i.name;"
    )
    return "\n".join(
        [
            ".headers on",
            ".mode csv",
            f'.once "{folder}/labels.csv"',
            labels,
            f'.once "{folder}/images.csv"',
            IMAGES,
            "",
        ]
    )


def facelabel(*arguments: object) -> list[str]:
    """The command as a user calls it."""
    return [sys.executable, "-m", "annotator", *map(str, arguments)]


def middle(turns: Iterable[tuple[dict[str, Any], ...]]) -> list[dict[str, Any]]:
    """Of programs that took turns, each one's run with the middle time: a slow minute of the machine counts for none."""
    return [
        sorted(runs, key=lambda row: float(row["seconds"]))[TURNS // 2] for runs in zip(*turns, strict=True)
    ]


def run(what: str, command: list[str]) -> dict[str, Any]:
    """Run a program to its end; its time and the most memory that it held."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return {
        "what": what,
        "seconds": round(time.perf_counter() - start, 1),
        "cpu seconds": round(used.ru_utime + used.ru_stime, 1),
        "resident MiB": round(used.ru_maxrss / 1024),
    }
