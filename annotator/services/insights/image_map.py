"""Making the map of the images: the trainer places them in a process beside the worker, when it has nothing else to do."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from annotator.child_process import ChildProcess
from annotator.files import write_atomically
from annotator.formats.snapshot.image_map import read_map
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.common.image_maps import (
    COMPUTED,
    FAILED,
    LISTED,
    LOG,
    WANTED,
    add_map,
    list_maps,
    map_folder,
)
from annotator.services.insights.background import BackgroundProcess
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.review.likeness import landmark_bytes
from annotator.services.review.map_state import missing_packages

GROWTH = 1.2
"""A map is made anew when the project has this many times the images that the last one was made for."""
LEAST = 20
"""With fewer images a map is only made when somebody asks for it."""
_PART = 20_000


class MapComputation(BackgroundProcess):
    """Makes the map when there are clearly more images than on the last one, or when somebody asks for it."""

    def __init__(self, project: ProjectFolder) -> None:
        super().__init__()
        self._project = project
        self._folder = map_folder(project)
        self._tried = 0

    def start_if_due(self) -> None:
        """Keep the map that was made, or start to make one if it is due. Returns at once."""
        if self.running:
            return
        self._finish()
        if missing_packages() or not self._due():
            return
        if not self._has_features():
            write_atomically(self._folder / FAILED, _NO_FEATURES.encode())
            for name in (WANTED, LISTED):
                (self._folder / name).unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob(".*"):
            unfinished.unlink()
        with self._project.database.read() as session:
            write_atomically(self._folder / LISTED, list_images(session))
        (self._folder / WANTED).unlink(missing_ok=True)
        (self._folder / FAILED).unlink(missing_ok=True)
        arguments = ["map", str(self._folder / LISTED), "--to", str(self._folder / COMPUTED)]
        lock = self._project.path / "analysis.lock"
        self.process = ChildProcess(
            "trainer", [*arguments, "--cache", str(self._project.cache)], self._folder / LOG, lock
        )

    def interrupt(self) -> None:
        """End a running computation; the images are listed anew when it is started again."""
        if self.running:
            self.close()
            self.process = None

    def _finish(self) -> None:
        """Keep the map of a process that has ended, or the reason why there is none."""
        if self.process is None:
            return
        self.process = None
        computed = self._folder / COMPUTED
        points = read_map(computed)
        if points is not None:
            add_map(self._project, points)
            computed.unlink()
        else:
            write_atomically(self._folder / FAILED, _reason(self._folder / LOG).encode())
        (self._folder / LISTED).unlink(missing_ok=True)

    def _due(self) -> bool:
        """Whether somebody asked, a computation was interrupted, or there are clearly more images than at the last attempt."""
        if (self._folder / WANTED).exists() or (self._folder / LISTED).exists():
            return True
        if not self._has_features():
            return False
        with self._project.database.read() as session:
            images = session.scalar(select(func.count()).select_from(Image).where(COUNTED)) or 0
        newest = next(iter(list_maps(self._project)), None)
        points = read_map(newest.file) if newest is not None else None
        before = max(self._tried, points.asked if points is not None else 0)
        if images < max(LEAST, before * GROWTH, before + 1):
            return False
        self._tried = images
        return True

    def _has_features(self) -> bool:
        return any(file.stat().st_size for file in self._project.cache.glob("*/images.sha256"))


_NO_FEATURES = (
    "No image has features yet. Start a round, which computes them; the map is then made automatically."
)


def list_images(session: Session) -> bytes:
    """Write an Arrow file with the images that count: their ids, hashes and landmarks."""
    query = (
        select(Image.id, Image.sha256, Image.width, Image.height, Face.turn, cast(Face.points, String))
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .where(COUNTED)
        .order_by(Image.id)
    )
    schema = pa.schema({"id": pa.int64(), "sha256": pa.string(), "landmarks": pa.binary()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        for part in fetch_many(session, query, _PART):
            ids, sha256, *face = zip(*part, strict=True)
            columns = [list(ids), list(sha256), landmark_bytes(*face)]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True)), schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _reason(log: Path) -> str:
    """Why the trainer made no map: what it printed last, without a traceback."""
    try:
        lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        lines = []
    said = [line for line in lines if line]
    if not said or any(line.startswith("Traceback") for line in said):
        return "The map could not be made; the file cache/map/map.log in the project says why. The last map is unchanged."
    return " ".join(said[-3:])
