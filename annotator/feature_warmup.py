"""Compute the features of new images before a round needs them, so that the first round is as fast as the later ones."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import select

from annotator.files import shard_path
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.rounds.networks import list_networks

STEP_SECONDS = 1.0
"""How long the worker computes before it checks whether something else is due."""
_PAGE = 16_384
"""The number of images that are read from the database and looked up in the cache at once."""

_log = logging.getLogger("facelabel")


class FeatureWarmup:
    """Computes the frozen network's features of the project's images, a step at a time, in the order of import.

    The features are stored in the trainer's cache; this object only remembers which images it has reached. An image that
    cannot be read is skipped together with its batch. Any other failure (a full disk, missing weights) ends the warm-up for
    this process, and the round that needs the features reports it.

    Args:
        project: the project.
        network: the folder of an added network, whose features are computed instead.
    """

    def __init__(self, project: ProjectFolder, network: Path | None = None) -> None:
        self._project = project
        self._network = network
        self._last = 0
        self._possible = find_spec("torch") is not None

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`. Returns whether there was an image left to process."""
        if not self._possible:
            return False
        with self._project.database.read() as session:
            query = select(Image.id, Image.sha256, Image.extension, Image.name).where(Image.id > self._last)
            images = session.execute(query.order_by(Image.id).limit(_PAGE)).all()
        if not images:
            return False
        from trainer.probe.features import BATCH, ImageFile  # noqa: PLC0415
        from trainer.rounds.engines import compute_ahead  # noqa: PLC0415 - loaded only when there are images
        from trainer.runtime.errors import ImageError, TrainerError  # noqa: PLC0415

        files = [
            ImageFile(i.sha256, shard_path(self._project.images, i.sha256, i.extension), i.name)
            for i in images
        ]
        try:
            done = compute_ahead(files, self._project.cache, STEP_SECONDS, self._network)
        except ImageError as error:
            _log.warning("the features of some images are not computed in advance: %s", error.what)
            done = BATCH
        except (TrainerError, OSError) as error:
            _log.warning("features are no longer computed in advance: %s", str(error).replace("\n", " "))
            self._possible = False
            return False
        self._last = images[min(done, len(images)) - 1].id
        return True


class AddedNetworksWarmup:
    """Computes the features of the networks that were added, one network after the other.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._warmups: dict[str, FeatureWarmup] = {}

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`. Returns whether there was an image left to process."""
        for network in list_networks(self._project):
            key = network.manifest["manifest_hash"]
            warmup = self._warmups.setdefault(key, FeatureWarmup(self._project, network.folder))
            if warmup.run_step():
                return True
        return False
