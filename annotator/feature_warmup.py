"""Compute the features of new images before a round needs them, so that the first round is as fast as the later ones."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, or_, select

from annotator.files import shard_path
from annotator.imaging.trainer_files import let_trainer_fetch
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.common.queue_head import queue_head
from annotator.services.rounds.networks import list_networks

STEP_SECONDS = 1.0
"""How long the worker computes before it checks whether something else is due."""
_PAGE = 16_384
"""The number of images that are read from the database and looked up in the cache at once."""

_log = logging.getLogger("facelabel")


class FeatureWarmup:
    """Computes the frozen network's features of the project's images, a step at a time.

    The images that somebody labels next come first, then all others in the order of import. Features depend on the face, so
    an image waits until the face search was there, and so do the images that were imported after it. The features are stored
    in the trainer's cache; this object only remembers which images it has reached. An image that cannot be read is skipped
    together with its batch. Any other failure (a full disk, missing weights) ends the warm-up for this process, and the round
    that needs the features reports it.

    Args:
        project: the project.
        network: the folder of an added network, whose features are computed instead.
        faces: whether faces are searched for; if not, no image waits.
    """

    def __init__(self, project: ProjectFolder, network: Path | None = None, *, faces: bool = True) -> None:
        self._project = project
        self._network = network
        self._faces = faces
        self._last = 0
        self._at_head: set[int] = set()  # images that were reached because they were at the head of the queue
        self._possible = find_spec("torch") is not None
        self.complete = False
        """Whether the last step found that all images were reached."""

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`. Returns whether there was an image left to process."""
        if not self._possible:
            return False
        head = self._head()
        images = head or self._next()
        self.complete = not images and not self._left()
        if not images:
            return False
        let_trainer_fetch(self._project.stores)
        from trainer.probe.features import AHEAD, ImageFile  # noqa: PLC0415
        from trainer.rounds.engines import compute_ahead  # noqa: PLC0415 - loaded only when there are images
        from trainer.runtime.errors import ImageError, TrainerError  # noqa: PLC0415

        files = [
            ImageFile(
                i.sha256,
                shard_path(self._project.stores.images.local_root, i.sha256, i.extension),
                i.name,
                upright_landmarks(i),
            )
            for i in images
        ]
        try:
            done = compute_ahead(files, self._project.cache, STEP_SECONDS, self._network)
        except ImageError as error:
            _log.warning("the features of some images are not computed in advance: %s", error.what)
            done = AHEAD
        except (TrainerError, OSError) as error:
            _log.warning("features are no longer computed in advance: %s", str(error).replace("\n", " "))
            self._possible = False
            return False
        if head:
            self._at_head.update(image.id for image in head[:done])
        else:
            self._last = images[min(done, len(images)) - 1].id
        return True

    def _head(self) -> list[Any]:
        """The images at the head of the queue whose faces are known and which were not reached yet."""
        query = self._query().where(Image.id.in_(queue_head()))
        if self._faces:
            query = query.where(or_(Image.face_count.is_not(None), Face.points.is_not(None)))
        with self._project.database.read() as session:
            images = session.execute(query.order_by(Image.shuffle, Image.id)).all()
        return [i for i in images if i.id > self._last and i.id not in self._at_head]

    def _left(self) -> bool:
        """Whether images wait for the face search."""
        with self._project.database.read() as session:
            return session.scalar(select(Image.id).where(Image.id > self._last).limit(1)) is not None

    def _query(self) -> Select[Any]:
        """Select images with their largest face."""
        columns: list[Any] = [Image.id, Image.sha256, Image.extension, Image.name, Image.width, Image.height]
        columns += [Image.face_count, Face.turn, Face.points]
        largest = (Face.image_id == Image.id) & (Face.number == 0)
        return select(*columns).outerjoin(Face, largest)

    def _next(self) -> list[Any]:
        """The next images with their largest face, up to the first whose faces are still to be searched."""
        query = self._query().where(Image.id > self._last, COUNTED).order_by(Image.id).limit(_PAGE)
        with self._project.database.read() as session:
            images = list(session.execute(query))
        if not self._faces:
            return images
        return list(takewhile(lambda i: i.face_count is not None or i.points is not None, images))


def upright_landmarks(image: Any) -> NDArray[np.float32] | None:
    """The landmarks of an image's face as a snapshot gives them; None without a face."""
    from trainer.data.faces import turn_back  # noqa: PLC0415 - loads pyarrow

    if image.points is None:
        return None
    points, turn, size = np.array([image.points]), np.array([image.turn]), [image.width, image.height]
    landmarks: NDArray[np.float32] = turn_back(points, turn, np.array([size]))[0].astype(np.float32)
    return landmarks


class AddedNetworksWarmup:
    """Computes the features of the networks that were added, one network after the other.

    Args:
        project: the project.
        faces: as of `FeatureWarmup`.
    """

    def __init__(self, project: ProjectFolder, *, faces: bool = True) -> None:
        self._project = project
        self._faces = faces
        self._warmups: dict[str, FeatureWarmup] = {}

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`. Returns whether there was an image left to process."""
        for network in list_networks(self._project):
            warmup = self._warmups.setdefault(
                network.manifest["manifest_hash"],
                FeatureWarmup(self._project, network.folder, faces=self._faces),
            )
            if warmup.run_step():
                return True
        return False
