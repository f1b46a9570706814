"""Images imported per second, and the share of what a bare loop does with as many processes (see bare_import).

All are programs of their own, their start included; they take turns, and of each the middle one is given. Plain JPEGs are
their own views; those with a comment are not, and are measured too. Without the development data, faces are drawn.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from annotator.services.projects import init_project
from benchmarks.support.data import faces
from benchmarks.support.report import Figures, Size

_COMMENT = b"\xff\xfe\x00\x08camera"
BARE = "bare loop, both files written"


def measure(size: Size) -> Figures:
    found: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        images, _ = faces(Path(folder), 60 if size == "small" else None)
        commented = Path(folder) / "commented"
        commented.mkdir()
        for file in images.glob("*.jpg"):
            content = file.read_bytes()
            (commented / file.name).write_bytes(content[:2] + _COMMENT + content[2:])
        for what, source in (("as they are", images), ("with a comment each", commented)):
            room = Path(folder) / "rooms" / source.name
            seconds: dict[str, list[float]] = {}
            for turn in range(1 if size == "small" else 5):
                for name, taken in _turn(source, room / f"turn {turn}").items():
                    seconds.setdefault(name, []).append(taken)
            title = f"{images.parent.name}/{images.name} {what}, {os.cpu_count()} processes"
            found[title] = _rows(len(list(source.glob("*.jpg"))), seconds)
    return found


def _turn(source: Path, room: Path) -> dict[str, float]:
    """Seconds of each program. `room`: a folder that is not there, for what they write."""
    room.mkdir(parents=True)
    project = init_project(room / "project")
    project.database.close()
    command = ["annotator", "import", str(source), "-p", str(project.path), "--json"]
    bare = ["benchmarks.support.bare_import", str(source)]
    return {
        "facelabel import": _seconds(command),
        BARE: _seconds([*bare, str(room / "bare")]),
        "bare loop, nothing written": _seconds(bare),
        "facelabel import, again": _seconds(command),
    }


def _seconds(module: list[str]) -> float:
    os.sync()  # or a run would pay for what the one before it left to be written
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    if module[0] == "annotator":
        refused = json.loads(done.stdout)["images"]["refused"]
        assert not refused, refused[:3]
    return seconds


def _rows(images: int, seconds: dict[str, list[float]]) -> list[dict[str, Any]]:
    bare = statistics.median(seconds[BARE])
    return [
        {
            "what": name,
            "images": images,
            "seconds": round(statistics.median(taken), 2),
            "of all turns": f"{min(taken):.2f}–{max(taken):.2f}",
            "images/s": round(images / statistics.median(taken), 1),
            "of the bare loop": round(bare / statistics.median(taken), 2),
        }
        for name, taken in seconds.items()
    ]
