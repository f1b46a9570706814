"""Finding the image of the project that a label file names: the one place that decides which image a name means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.formats.importers.celeba_names import png_name
from annotator.models import Image, ImageAlias


class ImageLookup:
    """The images of a project by the names that a source may use for them.

    Args:
        session: a session.
        hashes: SHA-256 of the images that came with the source, by their name there; they go before all other names.
    """

    def __init__(self, session: Session, hashes: Mapping[str, str]) -> None:
        self._ids = _ids_by_name(session)
        if hashes:
            by_hash = dict(session.execute(select(Image.sha256, Image.id)).all())
            self._ids |= {name: by_hash[sha256] for name, sha256 in hashes.items()}

    def find(self, name: str) -> int | None:
        """Return the id of the image that a source calls `name`; None if the project does not have it.

        The whole name is tried first, then the file name alone, then CelebA's name of a PNG.
        """
        file_name = PurePosixPath(name).name
        return self._ids.get(name) or self._ids.get(file_name) or self._ids.get(png_name(file_name) or "")


def _ids_by_name(session: Session) -> dict[str, int]:
    """Ids by the images' names, their other names, and the file names that only one image has."""
    own = dict(session.execute(select(Image.name, Image.id)).all())
    unique: dict[str, int | None] = {}
    for name, image_id in own.items():
        file_name = PurePosixPath(name).name
        unique[file_name] = None if file_name in unique else image_id
    aliases = dict(session.execute(select(ImageAlias.name, ImageAlias.image_id)).all())
    return {name: image_id for name, image_id in unique.items() if image_id is not None} | aliases | own
