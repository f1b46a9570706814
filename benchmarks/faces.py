"""In how many photos a face is found, whether turned ones are found turned, and how many images per second.

On uncropped photos and on CelebA's narrow crops, where the development data is; on drawn faces elsewhere.
"""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from annotator.imaging.detector import FoundFace, find_faces, turn_image
from annotator.sample_faces import draw_faces
from annotator.services.faces.detection import search_pool
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size

WILD = CELEBA.with_name("celeba_wild")
VIEW_SIDE = 1024


def measure(size: Size) -> Figures:
    if size == "small" or not WILD.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            draw_faces(Path(folder), 12 if size == "small" else 100, size=256)
            return measure_sets({"drawn": sorted(Path(folder).glob("*.jpg"))}, turned=6)
    wild, celeba = (sorted((folder / "images").glob("*.jpg")) for folder in (WILD, CELEBA))
    return measure_sets({"celeba_wild": wild[:200], "celeba": celeba[:500]}, turned=60)


def measure_sets(sets: dict[str, list[Path]], turned: int) -> Figures:
    """Every set on one process and on two; some images of the first set turned."""
    rows = [timed(name, files, processes) for name, files in sets.items() for processes in (1, 2)]
    name, files = next(iter(sets.items()))
    turns = [found_turned(files[:turned], turn) for turn in (0, 90, 180, 270)]
    return {"faces found": rows, f"{name}, turned": turns}


def timed(name: str, files: Sequence[Path], processes: int) -> dict[str, Any]:
    with search_pool(processes) as pool:
        list(pool.map(look, files[: 2 * processes]))  # dlib and its weights are loaded
        started = time.perf_counter()
        found = list(pool.map(look, files, chunksize=4))
        seconds = time.perf_counter() - started
    return {
        "images": name,
        "count": len(files),
        "processes": processes,
        "with a face": share(found, lambda faces: len(faces) > 0),
        "with several": share(found, lambda faces: len(faces) > 1),
        "taken for turned": share(found, lambda faces: bool(faces) and faces[0].turn != 0),
        "images/s": round(len(files) / seconds, 1),
    }


def found_turned(files: Sequence[Path], turn: int) -> dict[str, Any]:
    with search_pool(2) as pool:
        found = list(pool.map(partial(look, turn=turn), files, chunksize=4))
    return {
        "turned by": turn,
        "count": len(files),
        "with a face": share(found, lambda faces: len(faces) > 0),
        "turned back right": share(found, lambda faces: bool(faces) and (faces[0].turn + turn) % 360 == 0),
    }


def look(file: Path, turn: int = 0) -> list[FoundFace]:
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    image.thumbnail((VIEW_SIDE, VIEW_SIDE))
    return find_faces(turn_image(image, turn))


def share(found: list[list[FoundFace]], holds: Any) -> float:
    return round(sum(map(holds, found)) / len(found), 3)
