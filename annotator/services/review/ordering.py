"""The orders of *Browse* that are not the one of names: all images of the project, ranked, as an array of ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.bulk_read import read_columns
from annotator.services.predictions.active import active_predictions
from annotator.services.predictions.label_columns import fetch_many
from annotator.services.review.likeness import order_by_likeness
from annotator.services.review.own_answers import check_reviewers_view
from annotator.services.schema.active import active_schema

Order = Literal["name", "date", "uncertainty", "likeness"]
_PART = 50_000
_RANKS = CacheKind[tuple[Path, str | None, int, int], NDArray[np.int64]](size=4)
"""By predictions, attribute, newest image and number of images: all images by uncertainty."""


def rank_images(
    project: ProjectFolder,
    session: Session,
    order: Order,
    *,
    attribute: str | None = None,
    like: Sequence[int] = (),
    own_of: int | None = None,
) -> NDArray[np.int64] | None:
    """The ids of all images in an order; None for the order of names, which the database has.

    - `date`: what was imported last comes first.
    - `uncertainty`: one minus the largest probability, of the attribute or the mean of all; highest first. Images without
      predictions follow.
    - `likeness`: see likeness.py.

    Args:
        project: the project.
        session: a session.
        order: the order.
        attribute: whose uncertainty is meant; None: the mean of all.
        like: images to which others are compared.
        own_of: the labeller who may not see what the model thinks; None: a reviewer.

    Raises:
        Forbidden: if the order is for reviewers.
        FacelabelError: if the order cannot be had yet.
    """
    if order == "name":
        return None
    if order == "likeness":
        return order_by_likeness(project, session, like)
    [numbers] = read_columns(session, Image.id, [Image.id])
    newest_first = np.sort(numbers)[::-1]
    if order == "date":
        return newest_first
    check_reviewers_view(own_of, "The order by uncertainty")
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    file = None
    if predictions is not None:
        file = predictions.file_for(attribute or "") or predictions.file
    if file is None:
        return newest_first[::-1]
    asked = attribute if attribute in file.codes else None
    key = (file.folder, asked, int(newest_first[0]) if len(numbers) else 0, len(numbers))
    return project_cache(session).get_or_compute(_RANKS, key, lambda: _by_uncertainty(session, file, asked))


def _by_uncertainty(session: Session, file: PredictionsFile, attribute: str | None) -> NDArray[np.int64]:
    """All images, most uncertain first. Walks the images and the predictions, which are both sorted by name, once."""
    values = _uncertainty(file, attribute)
    answered = zip(file.images_between(0, file.rows), values.tolist(), strict=True)
    (name, sha256), value = next(answered, (("", ""), 0.0))
    images: list[int] = []
    uncertain: list[float] = []
    query = select(Image.id, Image.name, Image.sha256).order_by(Image.name)
    for part in fetch_many(session, query, _PART):
        for number, image, content in part:
            while name < image and (pair := next(answered, None)) is not None:
                (name, sha256), value = pair
            images.append(number)
            uncertain.append(value if (name, sha256) == (image, content) else -1.0)
    ranked = np.argsort(-np.asarray(uncertain), kind="stable")
    return np.asarray(images, np.int64)[ranked]


def _uncertainty(file: PredictionsFile, attribute: str | None) -> NDArray[Any]:
    """(rows,) how uncertain the model is of each image."""
    if attribute is None:
        return file.uncertainty()
    rows = np.arange(file.rows)
    best: NDArray[Any] = file.probabilities(attribute, rows).max(axis=1, initial=0)
    return 1 - best
