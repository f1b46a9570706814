"""Compute the features of new images before a round needs them, so that the first round is as fast as the later ones."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, or_, select

from annotator.files import shard_path
from annotator.imaging.trainer_files import let_trainer_fetch
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.common.counted import COUNTED
from annotator.services.common.queue_head import queue_head
from annotator.services.rounds.networks import list_networks

STEP_SECONDS = 1.0
"""How long the worker computes before it checks whether something else is due."""
SHARDS = 16
"""The parts of the images that workers share, by the first digit of the hash of an image."""
_PAGE = 1024
"""The number of images of a shard that are read from the database and looked up in the cache at once."""

_log = logging.getLogger("facelabel")

Compute = Callable[[list[Any], Path, float, Path | None], int]
"""Computes features of images (`ImageFile`) into a cache for some seconds, of a network or the frozen one; returns how many are done."""


class FeatureWarmup:
    """Computes the frozen network's features of the project's images, a step at a time.

    The images that somebody labels next come first, then all others, each step from the next shard, in the order of import.
    Several workers share the shards: each step claims one. All shards so end at about the same time, and no worker has a large
    one left while the others have nothing to do. Features depend on the face, so an image waits until the face search was there, and
    so do the images of its shard that were imported after it. The features are stored in the trainer's cache; this object only
    remembers which images it has reached. An image that cannot be read is skipped together with its batch. Any other failure (a
    full disk, missing weights) ends the warm-up for this process, and the round that needs the features reports it.

    Args:
        project: the project.
        network: the folder of an added network, whose features are computed instead.
        faces: whether faces are searched for; if not, no image waits.
        compute: computes the features; benchmarks simulate it.
    """

    def __init__(
        self,
        project: ProjectFolder,
        network: Path | None = None,
        *,
        faces: bool = True,
        compute: Compute | None = None,
    ) -> None:
        self._project = project
        self._network = network
        self._claim = "features/" + (network.name if network is not None else "frozen")
        self._faces = faces
        self._last = [0] * SHARDS
        self._shard = secrets.randbelow(SHARDS)  # workers begin at different ones
        self._at_head: set[int] = set()  # images that were reached because they were at the head of the queue
        self._compute = compute or _compute_ahead
        self._possible = compute is not None or find_spec("torch") is not None
        self.complete = False
        """Whether the last step found that all images were reached."""

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`, unless other workers compute all that is left. Returns whether it did."""
        if not self._is_possible():
            return False
        if (head := self._head()) and (done := self._claimed_step("head", head)) is not None:
            self._at_head.update(image.id for image in head[:done])
            return True
        if not self._is_possible():
            return False
        newest = self._newest()
        for _ in range(SHARDS):
            shard, self._shard = self._shard, (self._shard + 1) % SHARDS
            images = self._next(shard, newest)
            done = self._claimed_step(f"{shard:x}", images) if images else None
            if done is not None:
                self._last[shard] = images[min(done, len(images)) - 1].id
                return True
            if not self._is_possible():
                return False
        self.complete = not head and min(self._last) >= newest
        return False

    def _is_possible(self) -> bool:
        """Whether torch is there, and nothing has failed so far."""
        return self._possible

    def _claimed_step(self, part: str, images: list[Any]) -> int | None:
        """Compute features of images for a while; return how many are done, None if another worker has this part."""
        with claimed(self._project, f"{self._claim}/{part}") as held:
            return self._compute_some(images) if held is not None else None

    def _compute_some(self, images: list[Any]) -> int | None:
        let_trainer_fetch(self._project.stores)
        from trainer.probe.features import AHEAD, ImageFile  # noqa: PLC0415 - loaded only when there are images
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
            return self._compute(files, self._project.cache, STEP_SECONDS, self._network)
        except ImageError as error:
            _log.warning("the features of some images are not computed in advance: %s", error.what)
            return AHEAD
        except (TrainerError, OSError) as error:
            _log.warning("features are no longer computed in advance: %s", str(error).replace("\n", " "))
            self._possible = False
            return None

    def _head(self) -> list[Any]:
        """The images at the head of the queue whose faces are known and which were not reached yet."""
        query = self._query().where(Image.id.in_(queue_head()))
        if self._faces:
            query = query.where(or_(Image.face_count.is_not(None), Face.points.is_not(None)))
        with self._project.database.read() as session:
            images = session.execute(query.order_by(Image.shuffle, Image.id)).all()
        return [i for i in images if i.id > self._last[_shard_of(i.sha256)] and i.id not in self._at_head]

    def _newest(self) -> int:
        with self._project.database.read() as session:
            return session.scalar(select(func.max(Image.id))) or 0

    def _query(self) -> Select[Any]:
        """Select images with their largest face."""
        columns: list[Any] = [Image.id, Image.sha256, Image.extension, Image.name, Image.width, Image.height]
        columns += [Image.face_count, Face.turn, Face.points]
        largest = (Face.image_id == Image.id) & (Face.number == 0)
        return select(*columns).outerjoin(Face, largest)

    def _next(self, shard: int, newest: int) -> list[Any]:
        """The next images of a shard with their largest face, up to the first whose faces are still to be searched."""
        if self._last[shard] >= newest:
            return []
        of_shard = func.substr(Image.sha256, 1, 1) == f"{shard:x}"
        query = self._query().where(Image.id > self._last[shard], of_shard, COUNTED).order_by(Image.id)
        with self._project.database.read() as session:
            first = session.execute(query.limit(1)).one_or_none()
            if first is None:
                self._last[shard] = newest
            if first is None or self._waits(first):
                return []
            return list(takewhile(lambda i: not self._waits(i), session.execute(query.limit(_PAGE))))

    def _waits(self, image: Any) -> bool:
        """Whether an image waits for the face search."""
        return self._faces and image.face_count is None and image.points is None


def _shard_of(sha256: str) -> int:
    return int(sha256[0], SHARDS)


def _compute_ahead(files: list[Any], cache: Path, seconds: float, network: Path | None) -> int:
    from trainer.rounds.engines import compute_ahead  # noqa: PLC0415 - loaded only when there are images

    return compute_ahead(files, cache, seconds, network)


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
