"""Remove the features of erased images from the trainer's cache."""

from __future__ import annotations

import numpy as np
from sqlalchemy import select

from annotator.feature_warmup import upright_landmarks
from annotator.models import Face, Image
from annotator.project import ProjectFolder

_PART = 10_000


def forget_features(project: ProjectFolder) -> int:
    """Remove the features of images that the project does not have from its cache; return the number of removed records.

    The cache is used by rounds, by workers that compute features, and by analyses. None of them may run meanwhile.
    """
    if not any(project.cache.glob("*/recipe.json")):
        return 0
    from trainer.probe.forgetting import keep_features  # noqa: PLC0415 - loads pyarrow's functions

    hashes: list[str] = []
    landmarks: list[np.typing.NDArray[np.float32]] = []
    missing = np.full((5, 2), np.nan, np.float32)
    query = (
        select(Image.id, Image.sha256, Image.width, Image.height, Face.turn, Face.points)
        .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
        .order_by(Image.id)
        .limit(_PART)
    )
    with project.database.read() as session:
        last = 0
        while rows := session.execute(query.where(Image.id > last)).all():
            last = rows[-1].id
            for row in rows:
                points = upright_landmarks(row)
                hashes.append(row.sha256)
                landmarks.append(missing if points is None else points)
    return keep_features(project.cache, hashes, np.array(landmarks, np.float32).reshape(-1, 5, 2))
