"""The described faces of a project in memory: their clusters, and the people they resemble.

Descriptors are read, and all faces clustered, in a thread of their own and without the write lock; until that is
done there are no sets, or those of before. What is answered meanwhile is caught up with at every look.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.db import Database
from annotator.domain.faces.nearest_groups import FaceGroups
from annotator.domain.faces.nearest_people import Floats, Places
from annotator.models import Annotation, Face, Label, NotThisPerson, Submission, ValueRow
from annotator.project_cache import CacheKind
from annotator.services.schema.open_values import UNKNOWN_PERSON

NO_PERSON = -1
_CHUNK = 10_000
_REST_SECONDS = 10.0
"""While faces are being described, they are read again this often at the most …"""
_REST_FACTOR = 5
"""… and so that reading takes at most a sixth of the time."""

_log = logging.getLogger("facelabel")


@dataclass
class Faces:
    """What is known of the faces. Hold `lock` while you look at it.

    Args:
        images: (faces,) the image of each face.
        groups: descriptors, answers, clusters.
        newest: the numbers of the newest submission and of the newest annotation that were looked at.
        denied: pairs (image, person) that were said not to belong together.
        claims: image → (labeller, until): faces that somebody looks at.
    """

    images: Places
    groups: FaceGroups
    newest: tuple[int, int]
    denied: set[tuple[int, int]] = field(default_factory=set)
    claims: dict[int, tuple[int, float]] = field(default_factory=dict)
    rows: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {image: row for row, image in enumerate(self.images.tolist())}


class FaceIndex:
    """The faces of one project, and the thread that reads them.

    Args:
        database: the project's database.
        attribute_id: the attribute that says who somebody is.
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
        """The faces as of now; None while they are read for the first time. Take `lock` first.

        Args:
            session: a session, of which the answers are read.
            patience: how many seconds to wait for a reading that has just begun: few faces take no longer.
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
            if self.faces is not None:
                made.claims = self.faces.claims
            self.faces = made  # without the lock, which the look that waits for this holds: one assignment
        except Exception:  # noqa: BLE001 - whatever it was, the page goes on without sets and the log says why
            _log.exception("the faces could not be read; the next look at the page tries again")
        taken = time.monotonic() - begun
        self._rested = time.monotonic() + max(_REST_SECONDS, _REST_FACTOR * taken)


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
    """Take in what was answered since the last look."""
    newest = _newest(session)
    if newest == faces.newest:
        return
    changed = session.scalars(
        select(Annotation.image_id)
        .where(Annotation.id > faces.newest[1], Annotation.attribute_id == attribute_id)
        .distinct()
    )
    known = sorted(image for image in changed if image in faces.rows)
    for start in range(0, len(known), _CHUNK):
        images = known[start : start + _CHUNK]
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
    """The person in each image (`NO_PERSON` for none, also for an unknown one), and whether it has no answer."""
    unknown = session.scalar(
        select(ValueRow.code).where(ValueRow.attribute_id == attribute_id, ValueRow.name == UNKNOWN_PERSON)
    )
    given = [answers.get(image) for image in images]
    codes = np.array([NO_PERSON if code is None or code == unknown else code for code in given], np.int64)
    unnamed = np.array([image not in answers for image in images], bool)
    return codes, unnamed


def _denied(session: Session, attribute_id: int) -> set[tuple[int, int]]:
    query = select(NotThisPerson.image_id, NotThisPerson.code).where(
        NotThisPerson.attribute_id == attribute_id
    )
    return {(image, code) for image, code in session.execute(query)}
