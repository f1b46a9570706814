"""Images imported per second.

The baseline is a bare loop with as many processes: read, hash, decode, make the same view, write both files. It checks
nothing, syncs nothing to the disk, and keeps no database. Without the development data, faces are drawn.
"""

import hashlib
import io
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from annotator.services.projects import init_project
from benchmarks.data import faces
from benchmarks.report import Figures, Size


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        images, _ = faces(Path(folder), 60 if size == "small" else None)
        files = sorted(images.glob("*.jpg"))
        project = init_project(Path(folder) / "project")
        project.database.close()
        for file in files:
            file.read_bytes()  # so that every run finds them in the system's cache
        runs = [
            ("facelabel import", lambda: run_import(project.path, images)),
            ("facelabel import, again", lambda: run_import(project.path, images)),
            ("bare loop", lambda: run_bare(Path(folder) / "bare", files)),
        ]
        rows: list[dict[str, Any]] = []
        for name, run in runs:
            started = time.perf_counter()
            run()
            seconds = time.perf_counter() - started
            rows.append(
                {
                    "what": name,
                    "images": len(files),
                    "seconds": round(seconds, 2),
                    "images/s": round(len(files) / seconds, 1),
                }
            )
        for row in rows:
            row["of the bare loop"] = round(row["images/s"] / rows[-1]["images/s"], 2)
    return {f"{images.parent.name}/{images.name}, {os.cpu_count()} processes": rows}


def run_import(project: Path, images: Path) -> None:
    command = [sys.executable, "-m", "annotator", "import", str(images), "-p", str(project), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)["images"]
    assert not report["refused"], report["refused"][:3]


def run_bare(folder: Path, files: list[Path]) -> None:
    folder.mkdir()
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("forkserver")) as pool:
        for _ in pool.map(partial(import_bare, folder), files, chunksize=16):
            pass


def import_bare(folder: Path, path: Path) -> None:
    content = path.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (1024, 1024))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    view = io.BytesIO()
    upright.save(view, "JPEG", quality=90)
    (folder / f"{name}.bin").write_bytes(content)
    (folder / f"{name}.jpg").write_bytes(view.getvalue())
