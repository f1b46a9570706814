"""Detecting the faces in the project's images, in the background or by command.

`images.face_count` is null until an image was searched. If faces came with an image (CelebA's landmarks, a snapshot), the
image is not searched, and its faces are only described. Results are written in whole batches, so that a killed process
loses one batch and the next process continues. Workers share the search: each batch is of parts of the images that its worker
claims. It runs in child processes that end with their parent.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from annotator.domain.faces.boxes import Box
from annotator.formats.importers.base import SourceFace
from annotator.imaging.decoder_pool import DecodingPool, decoding_context, end_with_parent
from annotator.imaging.detector import FoundFace, describe_in_view, find_faces_in_view
from annotator.models import Face, Image, Project
from annotator.project import ProjectFolder
from annotator.services.common.claims import LostClaimError, claimed, joined
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.queue_head import queue_head

BATCH_SECONDS = 1.0
"""Seconds of detection after which the worker checks whether a round is due."""

PARTS = tuple("0123456789abcdef")
"""The parts of the images that workers share, by the first digit of the hash of an image."""
HEAD = "head"
"""The part of the images that somebody labels next; they are in another part too."""
_BATCH = 32
"""Images per process and batch."""
_WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class FaceProgress:
    """The numbers of all images, of searched images, and of images with a described face and with several faces."""

    images: int
    seen: int
    with_face: int
    with_several: int


class FaceSearch:
    """Detects faces in batches, in processes that are started when they are needed.

    The images that somebody labels next come first, then all others, each batch from the next part, in the order of import. So
    all parts end at about the same time, also if their number does not divide by that of the workers.

    Args:
        project: the project.
        processes: the number of processes.
        again: search all images from the first one, including those that were searched before.
    """

    def __init__(self, project: ProjectFolder, processes: int = 1, *, again: bool = False) -> None:
        self._project, self._processes, self._again = project, processes, again
        self._last = dict.fromkeys(PARTS, 0)
        self._part: str = secrets.choice(PARTS)  # the last one; workers begin at different ones
        self._open = set(PARTS)  # those that may have images to search
        self._pool: ProcessPoolExecutor | None = None

    def run_batch(self, seconds: float | None = None) -> int | None:
        """Search the next images for about `seconds`; return their number.

        It is 0 if all images were searched, and None if other workers are searching all that is left.

        Raises:
            LostClaimError: if this worker was taken for lost; nothing of the batch is written.
        """
        is_left, batch = False, dict[int, tuple[str, Image]]()
        with ExitStack() as claims:
            for part, images in self._work():
                if claims.enter_context(claimed(self._project, f"faces/{part}")) is None:
                    is_left = True
                    continue
                for image in images[: self._most - len(batch)]:
                    batch.setdefault(image.id, (part, image))
                if len(batch) == self._most:
                    break
            if batch:
                return self._run(list(batch.values()), seconds)
        if is_left:
            return None
        self.close()
        return 0

    def close(self) -> None:
        """End the processes; they are started again when they are needed."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _run(self, batch: list[tuple[str, Image]], seconds: float | None) -> int:
        searched = self._search([image for _, image in batch], seconds)
        with self._project.database.write() as session:
            for (part, _), (before, faces) in zip(batch, searched, strict=False):
                image = session.get(Image, before.id)
                # It may have been erased meanwhile, or searched with another part.
                if image is not None and (self._again or image.face_count is None):
                    write_faces(session, image.id, faces)
                if part != HEAD:
                    self._last[part], self._part = before.id, part
        return len(searched)

    def _work(self) -> Iterator[tuple[str, list[Image]]]:
        """The next images of each part that has some, in the order in which they are wanted."""
        if not self._again and (images := self._head()):
            yield HEAD, images
        seen = set[str]()
        while remaining := sorted(self._open - seen, key=lambda part: (part <= self._part, part)):
            for part in remaining:
                seen.add(part)
                if images := self._next(part):
                    yield part, images
                else:
                    self._open.discard(part)
            self._open = set(self._parts())  # images may have come in

    def _parts(self) -> list[str]:
        """The parts in which there may be images to search."""
        if self._again:
            return list(PARTS)
        digit = func.substr(Image.sha256, 1, 1)
        with self._project.database.read() as session:
            return sorted(
                session.scalars(select(digit).where(Image.face_count.is_(None), COUNTED).distinct())
            )

    def _head(self) -> list[Image]:
        query = select(Image).where(Image.face_count.is_(None), Image.id.in_(queue_head()))
        with self._project.database.read() as session:
            return list(session.scalars(query.order_by(Image.shuffle, Image.id).limit(self._most)))

    def _next(self, part: str) -> list[Image]:
        """The next images of a part; those that it has passed, and which are to be searched since, after the others."""
        query = select(Image).where(func.substr(Image.sha256, 1, 1) == part, COUNTED).order_by(Image.id)
        if not self._again:
            query = query.where(Image.face_count.is_(None))
        with self._project.database.read() as session:
            images = list(session.scalars(query.where(Image.id > self._last[part]).limit(self._most)))
            if not images and not self._again and self._last[part]:
                self._last[part] = 0
                images = list(session.scalars(query.limit(self._most)))
        return images

    @property
    def _most(self) -> int:
        return _BATCH * self._processes

    def _search(self, images: list[Image], seconds: float | None) -> list[tuple[Image, list[FoundFace]]]:
        """The faces of the images, or of the first of them if the time is over."""
        if self._pool is None:
            self._pool = search_pool(self._processes)
        deadline = time.monotonic() + seconds if seconds is not None else None
        from_source = {} if self._again else self._from_source(images)
        searched = []
        with ExitStack() as views:
            futures = [self._submit(self._pool, views, image, from_source.get(image.id)) for image in images]
            for image, future in zip(images, futures, strict=True):
                try:
                    searched.append((image, future.result()))
                except CancelledError:
                    break
                if deadline is not None and time.monotonic() > deadline:
                    for waiting in futures:
                        waiting.cancel()
        return searched

    def _from_source(self, images: list[Image]) -> dict[int, list[FoundFace]]:
        """The faces that came with the images, by image id."""
        faces: dict[int, list[FoundFace]] = {}
        with self._project.database.read() as session:
            query = select(Face).where(Face.image_id.in_([image.id for image in images]))
            for face in session.scalars(query.order_by(Face.image_id, Face.number)):
                box = Box(face.left, face.top, face.right, face.bottom)
                found = FoundFace(face.turn, box, face.score, face.points, finder=face.finder)
                faces.setdefault(face.image_id, []).append(found)
        return faces

    def _submit(
        self, pool: ProcessPoolExecutor, views: ExitStack, image: Image, faces: list[FoundFace] | None
    ) -> Future[list[FoundFace]]:
        view = views.enter_context(self._project.stores.views.local_path(image.sha256, "jpg"))
        if faces is None:
            return pool.submit(find_faces_in_view, view, image.width, image.height)
        return pool.submit(describe_in_view, view, image.width, image.height, faces)


def search_pool(processes: int) -> DecodingPool:
    """Return a pool of processes that load dlib and end with their parent."""
    return DecodingPool(
        max_workers=processes,
        mp_context=decoding_context(find_faces_in_view.__module__),
        initializer=end_with_parent,
    )


def write_faces(session: Session, image_id: int, faces: list[FoundFace]) -> None:
    """Replace the faces of an image; the first one gets the number 0."""
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
            finder=face.finder,
        )
        for number, face in enumerate(faces)
    )


def keep_source_faces(session: Session, faces: dict[str, tuple[SourceFace, ...]]) -> tuple[int, list[str]]:
    """Record the faces that came with images, unless an image has a face or was searched already.

    Args:
        session: a session that has recorded the images.
        faces: the faces by the SHA-256 of their image, largest first.

    Returns:
        The number of recorded faces, and the names of the images whose faces belong to another image.
    """
    images = session.execute(
        select(Image.id, Image.sha256, Image.name, Image.width, Image.height)
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .where(Image.sha256.in_(faces), Image.face_count.is_(None), Face.image_id.is_(None))
    ).all()
    rows: list[dict[str, Any]] = []
    misfits = []
    for image in images:
        of_image = faces[image.sha256]
        if not all(face.fits(image.width, image.height, image.sha256) for face in of_image):
            misfits.append(image.name)
            continue
        rows += (
            {
                "image_id": image.id, "number": number, "turn": face.turn, "score": face.score, "finder": face.finder,
                "points": [list(point) for point in face.points], **face.box._asdict(),
            }
            for number, face in enumerate(of_image)
        )  # fmt: skip
    if rows:
        session.execute(insert(Face), rows)
    return len(rows), misfits


def read_face_progress(session: Session) -> FaceProgress:
    """Return how far the search is."""
    count = partial(select, func.count())
    images = session.scalars(select(Project.image_count)).one()
    unseen = session.scalar(count().select_from(Image).where(Image.face_count.is_(None), COUNTED)) or 0
    counts = of_counted_image(Face.image_id)
    described = counts, Face.number == 0, Face.descriptor.is_not(None)
    with_face = session.scalar(count().select_from(Face).where(*described)) or 0
    several = session.scalar(count().select_from(Face).where(counts, Face.number == 1)) or 0
    return FaceProgress(images, images - unseen, with_face, several)


def find_all_faces(
    project: ProjectFolder, processes: int, progress: Callable[[int, int], None], *, again: bool = False
) -> FaceProgress:
    """Search all images that were not searched yet, or all images if `again`; a killed search keeps its whole batches.

    Workers may search at the same time. This one waits until they are done with what they have begun.
    """
    search = FaceSearch(project, processes, again=again)
    with project.database.read() as session:
        before = read_face_progress(session)
    done = 0 if again else before.seen
    progress(done, before.images)
    with joined(project):
        try:
            while (searched := _next_batch(search)) != 0:
                done += searched or 0
                progress(done, before.images)
                if searched is None:
                    time.sleep(_WAIT_SECONDS)
        finally:
            search.close()
    with project.database.read() as session:
        return read_face_progress(session)


def _next_batch(search: FaceSearch) -> int | None:
    try:
        return search.run_batch()
    except (
        LostClaimError
    ):  # the machine slept: others have searched these images, or this command does it again
        return None
