"""The features of new images, computed before a round asks for them, so that the first round is as quick as the later ones."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from sqlalchemy import select

from annotator.files import shard_path
from annotator.models import Image
from annotator.project import ProjectFolder

STEP_SECONDS = 1.0
"""How long the worker computes before it asks whether something else is due."""
_LOOKED_AT = 16_384
"""Images that are looked up in the cache at once."""

_log = logging.getLogger("facelabel")


class FeaturesAhead:
    """Computes the frozen network's features of the project's images, a step at a time, in the order of their import.

    What is known is in the trainer's cache; only the place in the images is kept here. An image that cannot be read is
    passed over with its batch, and whatever else goes wrong (no room, no weights) ends it for this process: the round that
    needs the features says so.

    Args:
        project: whose images.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._last = 0
        self._can = find_spec("torch") is not None

    def run_step(self) -> bool:
        """Compute for about `STEP_SECONDS`; returns whether there was an image to look at."""
        if not self._can:
            return False
        with self._project.database.read() as session:
            query = select(Image.id, Image.sha256, Image.extension, Image.name).where(Image.id > self._last)
            images = session.execute(query.order_by(Image.id).limit(_LOOKED_AT)).all()
        if not images:
            return False
        from trainer.probe.features import BATCH, ImageFile  # noqa: PLC0415
        from trainer.rounds.engines import compute_ahead  # noqa: PLC0415 - the trainer is loaded when there are images
        from trainer.runtime.errors import ImageError, TrainerError  # noqa: PLC0415

        files = [
            ImageFile(i.sha256, shard_path(self._project.images, i.sha256, i.extension), i.name)
            for i in images
        ]
        try:
            seen = compute_ahead(files, self._project.cache, STEP_SECONDS)
        except ImageError as error:
            _log.warning("features of some images are not computed ahead: %s", error.what)
            seen = BATCH
        except (TrainerError, OSError) as error:
            _log.warning("features are not computed ahead any more: %s", str(error).replace("\n", " "))
            self._can = False
            return False
        self._last = images[min(seen, len(images)) - 1].id
        return True
