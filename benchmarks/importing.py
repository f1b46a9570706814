"""Images imported per second, and the share of what a bare loop does with as many processes (see bare_import).

All are programs of their own, their start included. Without the development data, faces are drawn.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from annotator.services.projects import init_project
from benchmarks.data import faces
from benchmarks.report import Figures, Size

BARE = "bare loop, both files written"


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        images, _ = faces(Path(folder), 60 if size == "small" else None)
        files = sorted(images.glob("*.jpg"))
        project = init_project(Path(folder) / "project")
        project.database.close()
        for file in files:
            file.read_bytes()  # so that every run finds them in the system's cache
        command = ["annotator", "import", str(images), "-p", str(project.path), "--json"]
        bare = ["benchmarks.bare_import", str(images)]
        rows: list[dict[str, Any]] = []
        for name, module in (
            ("facelabel import", command),
            ("facelabel import, again", command),
            (BARE, [*bare, str(Path(folder) / "bare")]),
            ("bare loop, nothing written", bare),
        ):
            os.sync()  # or a run would pay for what the one before it left to be written
            started = time.perf_counter()
            done = subprocess.run([sys.executable, "-m", *module], capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - started
            if module is command:
                refused = json.loads(done.stdout)["images"]["refused"]
                assert not refused, refused[:3]
            rows.append({"what": name, "images": len(files), "seconds": round(seconds, 2)})
        of_bare = next(row["seconds"] for row in rows if row["what"] == BARE)
        for row in rows:
            row["images/s"] = round(len(files) / row["seconds"], 1)
            row["of the bare loop"] = round(of_bare / row["seconds"], 2)
    return {f"{images.parent.name}/{images.name}, {os.cpu_count()} processes": rows}
