"""How long `facelabel import` takes for a table of labels, by how the table writes the names of the images.

Each import is a program of its own on a fresh copy of the same project (rows without files), its start included. The
baseline reads the same number of rows, finds the images in a dict and inserts as many rows (see support/bare_labels). All
take turns, and of each the middle one is given. "Matched" is the part of it that finds the image of each row.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from annotator.project import ProjectFolder
from annotator.services.importing.image_lookup import ImageLookup
from benchmarks.labelling import make_project
from benchmarks.support.report import Figures, Size

_URL = "https://photos.example.org/team%20a/made/"

SHAPES: dict[str, Callable[[int], str]] = {
    "the project's names": lambda number: f"{number:07d}.jpg",
    "signed URLs": lambda number: f"{_URL}{number:07d}.jpg?Expires=1796000000&Signature=a%2Bb{number}",
    "Label Studio's uploads": lambda number: f"/data/upload/3/{number:08x}-{number:07d}.jpg",
    "other endings": lambda number: f"made/{number:07d}.png",
    "other folders": lambda number: f"other/{number:07d}.jpg",
    "names that no image has": lambda number: f"made/img_{number:07d}.jpg",
}
"""What the table writes for the image with this number. Rows of the last two shapes match nothing."""


def measure(size: Size) -> Figures:
    rows, turns = (300, 1) if size == "small" else (100_000, 5)
    seconds: dict[str, list[float]] = {}
    matched: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", rows, predicted=False)
        tables = {what: _write(Path(folder), rows, name) for what, name in SHAPES.items()}
        for _ in range(turns):
            bare = Path(folder) / "bare.db"
            shutil.copyfile(project.database_file, bare)
            arguments = ["benchmarks.support.bare_labels", str(tables["the project's names"]), str(bare)]
            seconds.setdefault("bare loop", []).append(_seconds(arguments))
            for what, table in tables.items():
                seconds.setdefault(what, []).append(_import(project, table, Path(folder) / "copy"))
                matched.setdefault(what, []).append(_match(project, rows, SHAPES[what]))
    bare_seconds = statistics.median(seconds["bare loop"])
    return {
        f"{rows:,} rows, {rows:,} images": [
            {
                "names in the table": what,
                "seconds": round(statistics.median(taken), 2),
                "of all turns": f"{min(taken):.2f}–{max(taken):.2f}",
                "times the bare loop": round(statistics.median(taken) / bare_seconds, 1),
            }
            | ({"matched": round(statistics.median(matched[what]), 2)} if what in matched else {})
            for what, taken in seconds.items()
        ]
    }


def _write(folder: Path, rows: int, name: Callable[[int], str]) -> Path:
    """A table of so many labels; each shape is in a file of its own."""
    path = folder / f"{len(list(folder.glob('*.csv')))}.csv"
    lines = ["image_name,glasses", *(f"{name(number)},{number % 3}" for number in range(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _match(project: ProjectFolder, rows: int, name: Callable[[int], str]) -> float:
    """Seconds that finding the image of each row takes."""
    names = [name(number) for number in range(rows)]
    with project.database.read() as session:
        started = time.perf_counter()
        ImageLookup(session, names, {})
        return time.perf_counter() - started


def _import(project: ProjectFolder, table: Path, copy: Path) -> float:
    """Seconds of an import of the table into a copy of the project. A table that matches nothing is refused."""
    shutil.copytree(project.path, copy)
    try:
        return _seconds(["annotator", "import", str(table), "-p", str(copy), "--json"], may_refuse=True)
    finally:
        shutil.rmtree(copy)


def _seconds(module: list[str], *, may_refuse: bool = False) -> float:
    os.sync()  # or a run would pay for what the one before it left to be written
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    assert done.returncode == 0 or (may_refuse and "names an image of the project" in done.stderr), (
        done.stderr
    )
    return seconds
