"""Looking for the faces in the project's images, in the background or by command; state is in the rows.

`images.face_count` is null until an image was looked at. A face that came with its image (CelebA's landmarks) is there before:
such an image is not searched, its face is only described. Whole batches are written at once, so whoever is killed loses a
batch and the next one goes on. A lock on a file sees to it that only one process looks at a time; the looking itself is
done in processes of their own, of low priority, which end with their parent.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box
from annotator.files import shard_path
from annotator.formats.importers.base import SourceFace
from annotator.imaging.decoder_pool import decoding_context
from annotator.imaging.detector import FoundFace, describe_in_view, find_faces_in_view
from annotator.imaging.image_store import end_with_parent
from annotator.models import Face, Image, Project
from annotator.project import ProjectFolder

BATCH_SECONDS = 1.0
"""How long the worker looks before it asks whether a round is due."""

_BATCH = 32
"""Images per process and batch."""


@dataclass(frozen=True)
class FaceProgress:
    """How many images were looked at for faces, in how many of them there is one, and in how many several."""

    images: int
    seen: int
    with_face: int
    with_several: int


class FaceSearch:
    """Looks for faces in batches, in processes that are started when there is something to do.

    Args:
        project: whose images are looked at.
        processes: how many at once.
        again: look at all images, from the first on, also at those that were looked at before.
    """

    def __init__(self, project: ProjectFolder, processes: int = 1, *, again: bool = False) -> None:
        self._project, self._processes, self._again = project, processes, again
        self._last = 0
        self._pool: ProcessPoolExecutor | None = None

    def run_batch(self, seconds: float | None = None) -> int:
        """Look at the next images for about so many seconds; returns how many were looked at, 0 when all were.

        Whoever calls it holds the `search_lock`.
        """
        images = self._next()
        if not images:
            self.close()
            return 0
        found = self._look(images, seconds)
        with self._project.database.write() as session:
            for image, faces in found:
                write_faces(session, image.id, faces)
        self._last = found[-1][0].id if self._again else 0
        return len(found)

    def run_batch_if_free(self, seconds: float) -> int:
        """The next batch, unless another process looks: then it looks at none."""
        with search_lock(self._project, wait=False) as held:
            return self.run_batch(seconds) if held else 0

    def close(self) -> None:
        """End the processes; they are started again when there is something to do."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _next(self) -> list[Image]:
        query = select(Image).where(Image.id > self._last).order_by(Image.id).limit(_BATCH * self._processes)
        if not self._again:
            query = query.where(Image.face_count.is_(None))
        with self._project.database.read() as session:
            return list(session.scalars(query))

    def _look(self, images: list[Image], seconds: float | None) -> list[tuple[Image, list[FoundFace]]]:
        """The faces of the images, or of as many of them, from the first on, as the time allows."""
        if self._pool is None:
            self._pool = search_pool(self._processes)
        deadline = time.monotonic() + seconds if seconds is not None else None
        given = {} if self._again else self._given(images)
        futures = [self._submit(self._pool, image, given.get(image.id)) for image in images]
        found = []
        for image, future in zip(images, futures, strict=True):
            try:
                found.append((image, future.result()))
            except CancelledError:
                break
            if deadline is not None and time.monotonic() > deadline:
                for waiting in futures:
                    waiting.cancel()
        return found

    def _given(self, images: list[Image]) -> dict[int, Face]:
        """The faces that came with the images."""
        with self._project.database.read() as session:
            known = select(Face).where(Face.image_id.in_([image.id for image in images]), Face.number == 0)
            return {face.image_id: face for face in session.scalars(known)}

    def _submit(self, pool: ProcessPoolExecutor, image: Image, face: Face | None) -> Future[list[FoundFace]]:
        view = shard_path(self._project.views, image.sha256, "jpg")
        if face is None:
            return pool.submit(find_faces_in_view, view, image.width, image.height)
        box = Box(face.left, face.top, face.right, face.bottom)
        return pool.submit(describe_in_view, view, image.width, image.height, box, face.points)


def search_pool(processes: int) -> ProcessPoolExecutor:
    """Processes in which dlib is loaded; they end with their parent."""
    return ProcessPoolExecutor(
        max_workers=processes,
        mp_context=decoding_context(find_faces_in_view.__module__),
        initializer=end_with_parent,
    )


def write_faces(session: Session, image_id: int, faces: list[FoundFace]) -> None:
    """Keep what was found in an image, in place of what was there; number 0 is the first of them."""
    image = session.get_one(Image, image_id)
    image.face_count = len(faces)
    session.execute(delete(Face).where(Face.image_id == image_id))
    session.add_all(
        Face(
            image_id=image_id,
            number=number,
            turn=face.turn,
            left=face.box.left,
            top=face.box.top,
            right=face.box.right,
            bottom=face.box.bottom,
            score=face.score,
            points=face.points,
            descriptor=face.descriptor,
        )
        for number, face in enumerate(faces)
    )


def keep_source_faces(session: Session, given: dict[str, SourceFace]) -> tuple[int, list[str]]:
    """Keep the faces that came with images; where a face is known or one was looked for, that stays.

    Args:
        session: in a transaction, with the images in it.
        given: by the sha256 of the image.

    Returns:
        How many were taken, and the names of the images in which the face has no place.
    """
    images = session.execute(
        select(Image.id, Image.sha256, Image.name, Image.width, Image.height)
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .where(Image.sha256.in_(given), Image.face_count.is_(None), Face.image_id.is_(None))
    ).all()
    rows = [
        {
            "image_id": image.id, "number": 0, "turn": 0, "score": 0.0, "points": [list(p) for p in face.points],
            **face.box._asdict(),
        }
        for image in images
        if (face := given[image.sha256]).fits(image.width, image.height)
    ]  # fmt: skip
    if rows:
        session.execute(insert(Face), rows)
    misfits = [i.name for i in images if not given[i.sha256].fits(i.width, i.height)]
    return len(rows), misfits


def read_face_progress(session: Session) -> FaceProgress:
    """How far the search is."""
    count = partial(select, func.count())
    images = session.scalars(select(Project.image_count)).one()
    unseen = session.scalar(count().select_from(Image).where(Image.face_count.is_(None))) or 0
    described = Face.number == 0, Face.descriptor.is_not(None)
    with_face = session.scalar(count().select_from(Face).where(*described)) or 0
    several = session.scalar(count().select_from(Face).where(Face.number == 1)) or 0
    return FaceProgress(images, images - unseen, with_face, several)


def find_all_faces(
    project: ProjectFolder, processes: int, progress: Callable[[int, int], None], *, again: bool = False
) -> FaceProgress:
    """Look at all images that were not looked at yet, or at all; what was found until it is killed is kept.

    Another process that looks is waited for: the worker for a batch, another command until it is done.
    """
    search = FaceSearch(project, processes, again=again)
    with search_lock(project, wait=True):
        with project.database.read() as session:
            before = read_face_progress(session)
        done = 0 if again else before.seen
        progress(done, before.images)
        try:
            while looked := search.run_batch():
                done += looked
                progress(done, before.images)
        finally:
            search.close()
    with project.database.read() as session:
        return read_face_progress(session)


@contextmanager
def search_lock(project: ProjectFolder, *, wait: bool) -> Iterator[bool]:
    """Become the one that looks for faces; says whether that worked, which it always does after a wait."""
    with (project.path / "faces.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
