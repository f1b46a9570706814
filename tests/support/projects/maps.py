"""Maps of a project's images, with chosen places."""

from collections.abc import Mapping

import numpy as np
from sqlalchemy import select

from annotator.formats.snapshot.image_map import MapPoints
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import ImageMap, add_map
from tests.support.projects.images import image_of, names_of

LEFT = "1_0.0-5000.0-5000.10000-0.10000"
"""The polygon of the left half of the first map."""


def make_map(project: ProjectFolder, places: Mapping[str, tuple[float, float]]) -> ImageMap:
    """Keep a map with the named images at these places."""
    ids = np.asarray([image_of(project, name) for name in places], np.int64)
    return add_map(project, MapPoints(ids, np.asarray(list(places.values()), np.float32), len(ids)))


def halved_map(project: ProjectFolder) -> tuple[list[str], list[str]]:
    """A map with the images at even places of the list on its left, the others on its right; return both."""
    names = names_of(project)
    step = 0.9 / len(names)
    make_map(
        project,
        {name: (0.25 + 0.5 * (place % 2), 0.05 + step * place) for place, name in enumerate(names)},
    )
    return names[::2], names[1::2]


def ids_of(project: ProjectFolder) -> np.ndarray:
    """The ids of all images."""
    with project.database.read() as session:
        return np.asarray(session.scalars(select(Image.id).order_by(Image.id)).all(), np.int64)
