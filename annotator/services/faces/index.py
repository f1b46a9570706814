"""The described faces of a project in memory: their clusters, and the people they resemble.

A thread reads the descriptors and clusters all faces without holding the write lock. Until it is done, there are no sets
of faces or the previous ones. Every look takes in the answers that came meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from annotator.database import Database
from annotator.domain.faces.nearest_groups import FaceGroups
from annotator.domain.faces.nearest_people import Floats, Places
from annotator.models import Annotation, Exclusion, Face, Image, Label, NotThisPerson, Submission, ValueRow
from annotator.project_cache import CacheKind
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.schema.open_values import UNKNOWN_PERSON

NO_PERSON = -1
_CHUNK = 10_000
_REST_SECONDS = 10.0
"""The shortest pause, in seconds, between two readings while faces are being described."""
_REST_FACTOR = 5
"""The pause is at least this multiple of the last reading, so that reading takes at most a sixth of the time."""

_log = logging.getLogger("facelabel")


@dataclass
class Faces:
    """The faces, and the answers about them. Hold `FaceIndex.lock` while you use it.

    Args:
        images: (faces,) the image id of each face.
        groups: descriptors, answers and clusters.
        newest: ids of the newest submission and annotation that the faces take into account.
        denied: pairs (image id, person) that a labeller said do not belong together.
    """

    images: Places
    groups: FaceGroups
    newest: tuple[int, int]
    denied: set[tuple[int, int]] = field(default_factory=set)
    rows: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {image: row for row, image in enumerate(self.images.tolist())}


class FaceIndex:
    """The faces of one project, and the thread that reads them.

    Args:
        database: the project's database.
        attribute_id: the attribute that names people.
    """

    def __init__(self, database: Database, attribute_id: int) -> None:
        self._database = database
        self._attribute_id = attribute_id
        self.lock = threading.Lock()
        self.faces: Faces | None = None
        self._thread: threading.Thread | None = None
        self._rested = 0.0

    @property
    def computing(self) -> bool:
        """Whether the faces are being read."""
        return self._thread is not None and self._thread.is_alive()

    def look(self, session: Session, patience: float = 0.15) -> Faces | None:
        """Return the faces as of now; None while they are read for the first time. The caller holds `lock`.

        Args:
            session: a session that reads the answers.
            patience: seconds to wait for the first reading, which is enough for few faces.
        """
        if self.faces is None or self._grown(session, self.faces):
            self._start(patience if self.faces is None else 0)
        if self.faces is not None:
            _catch_up(session, self._attribute_id, self.faces)
        return self.faces

    def wait(self) -> None:
        """Wait until the faces are read."""
        if self._thread is not None:
            self._thread.join()

    def _grown(self, session: Session, faces: Faces) -> bool:
        if time.monotonic() < self._rested:
            return False
        described = session.scalar(
            select(func.count()).select_from(Face).where(Face.number == 0, Face.descriptor.is_not(None))
        )
        return described != len(faces.images)

    def _start(self, patience: float) -> None:
        if not self.computing:
            self._thread = threading.Thread(target=self._read, name="face-index", daemon=True)
            self._thread.start()
        if self._thread is not None:
            self._thread.join(patience)

    def _read(self) -> None:
        begun = time.monotonic()
        try:
            with self._database.read() as session:
                made = _read_faces(session, self._attribute_id)
            self.faces = made  # one assignment, without the lock: the look that waits for it holds the lock
        except Exception:  # noqa: BLE001 - the page works without sets, and the log says why
            _log.exception("the faces could not be read; the next request for them tries again")
        duration = time.monotonic() - begun
        self._rested = time.monotonic() + max(_REST_SECONDS, _REST_FACTOR * duration)


_INDEXES = CacheKind[int, FaceIndex](size=4)
"""By the attribute that names people."""


def face_index(database: Database, attribute_id: int) -> FaceIndex:
    """Return the index of a project's faces; the first call creates it."""
    return database.cache.get_or_compute(_INDEXES, attribute_id, lambda: FaceIndex(database, attribute_id))


def _read_faces(session: Session, attribute_id: int) -> Faces:
    newest = _newest(session)
    described = select(Face.image_id, Face.descriptor).where(Face.number == 0, Face.descriptor.is_not(None))
    images: list[int] = []
    blocks: list[Floats] = []
    for part in session.execute(described.order_by(Face.image_id)).partitions(_CHUNK):
        images += [image for image, _ in part]
        blocks.append(np.frombuffer(b"".join(d for _, d in part if d), "<f4").reshape(-1, 128))
    descriptors = np.concatenate(blocks) if blocks else np.empty((0, 128), np.float32)
    answers = dict(
        session.execute(select(Label.image_id, Label.code).where(Label.attribute_id == attribute_id)).all()
    )
    codes, unnamed = _answers(session, attribute_id, images, answers)
    faces = Faces(np.array(images, np.int64), FaceGroups(descriptors, codes, unnamed), newest)
    faces.denied = _denied(session, attribute_id)
    return faces


def _catch_up(session: Session, attribute_id: int, faces: Faces) -> None:
    """Take in the answers since the last look."""
    newest = _newest(session)
    if newest == faces.newest:
        return
    changed = session.scalars(
        select(Annotation.image_id)
        .where(Annotation.id > faces.newest[1], Annotation.attribute_id == attribute_id)
        .distinct()
    )
    # Excluded or restored since, or such a change was undone since.
    concerned = or_(Submission.id == Exclusion.submission_id, Submission.undoes == Exclusion.submission_id)
    excluded = session.scalars(
        select(Exclusion.image_id)
        .join(Submission, concerned)
        .where(Submission.id > faces.newest[0])
        .distinct()
    )
    described = sorted(image for image in {*changed, *excluded} if image in faces.rows)
    for start in range(0, len(described), _CHUNK):
        images = described[start : start + _CHUNK]
        query = select(Label.image_id, Label.code).where(
            Label.attribute_id == attribute_id, Label.image_id.in_(images)
        )
        codes, unnamed = _answers(session, attribute_id, images, dict(session.execute(query).all()))
        faces.groups.change(np.array([faces.rows[image] for image in images], np.int64), codes, unnamed)
    faces.denied = _denied(session, attribute_id)
    faces.newest = newest


def _newest(session: Session) -> tuple[int, int]:
    submission, annotation = session.execute(
        select(
            select(func.max(Submission.id)).scalar_subquery(),
            select(func.max(Annotation.id)).scalar_subquery(),
        )
    ).one()
    return submission or 0, annotation or 0


def _answers(
    session: Session, attribute_id: int, images: list[int], answers: dict[int, int | None]
) -> tuple[Places, NDArray[np.bool_]]:
    """(images,) the person in each image, or NO_PERSON; and whether the image has no answer.

    An excluded image is neither: it shows nobody, and nobody is asked about it.
    """
    unknown = session.scalar(
        select(ValueRow.code).where(ValueRow.attribute_id == attribute_id, ValueRow.name == UNKNOWN_PERSON)
    )
    excluded = set(session.scalars(select(Image.id).where(~COUNTED)))
    people = [None if image in excluded else answers.get(image) for image in images]
    codes = np.array([NO_PERSON if code is None or code == unknown else code for code in people], np.int64)
    unnamed = np.array([image not in answers and image not in excluded for image in images], bool)
    return codes, unnamed


def _denied(session: Session, attribute_id: int) -> set[tuple[int, int]]:
    query = select(NotThisPerson.image_id, NotThisPerson.code).where(
        NotThisPerson.attribute_id == attribute_id, ~is_undone(NotThisPerson.submission_id)
    )
    return {(image, code) for image, code in session.execute(query)}
