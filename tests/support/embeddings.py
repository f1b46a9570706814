"""Features and embeddings in a project's cache, as the trainer writes them, of chosen numbers."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import select

from annotator.models import Face, Image
from annotator.project import ProjectFolder
from trainer.data.faces import turn_back
from trainer.probe.embeddings import view_embeddings
from trainer.probe.feature_store import FeatureStore
from trainer.probe.features import Features
from trainer.probe.sources import Source
from trainer.views import HEAD


def embed(project: ProjectFolder, features: Mapping[str, NDArray[np.float32]]) -> None:
    """Store features of the heads of some images, by name, and compute their embeddings."""
    recipe: dict[str, object] = {"backbone": "test", "view": HEAD.as_json()}
    size = len(next(iter(features.values())))
    source = Source(HEAD, FeatureStore(project.cache / "test-heads", recipe, size), recipe)
    with project.database.read() as session:
        query = (
            select(Image.name, Image.sha256, Image.width, Image.height, Face.points, Face.turn)
            .outerjoin(Face, (Face.image_id == Image.id) & (Face.number == 0))
            .where(Image.name.in_(features))
        )
        rows = session.execute(query.order_by(Image.name)).all()
    landmarks = np.full((len(rows), 5, 2), np.nan, np.float32)
    for place, row in enumerate(rows):
        if row.points is not None:
            points, turn, size_of = (
                np.array([row.points]),
                np.array([row.turn]),
                np.array([[row.width, row.height]]),
            )
            landmarks[place] = turn_back(points, turn, size_of)[0]
    keys = source.keys([row.sha256 for row in rows], landmarks)
    source.store.append(keys, np.stack([features[row.name] for row in rows]).astype(np.float16))
    view_embeddings(Features(source.store, torch.arange(len(rows)), recipe))
