"""The score of every image in a search for one value: the model's log odds, or likeness to the examples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.rare_values import likeness_log_odds, log_odds
from annotator.errors import FacelabelError
from annotator.models import Image, Label, Project
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.annotation.bulk_order import sweepable
from annotator.services.common.counted import COUNTED
from annotator.services.common.image_maps import rows_by_image
from annotator.services.predictions.active import ActivePredictions
from annotator.services.review.likeness import MAX_CHOSEN, order_by_likeness

_UNKNOWN_SHARE = 0.02
"""The probability of the value for all images while nothing is known."""
_SCORES = CacheKind[tuple[Path | None, int, int, int, tuple[int, ...]], NDArray[np.float64]](size=4)
"""By predictions, attribute, value, newest image and examples: the score of every image, by id."""


@dataclass(frozen=True)
class Scores:
    """The images that a search can still show, highest score first.

    Args:
        images: (rest,) their ids.
        scores: (rest,) log odds of the value.
        predictions: the id of the predictions that the scores are from; None: likeness.
        examples: the number of labelled images with the value.
    """

    images: NDArray[np.int64]
    scores: NDArray[np.float64]
    predictions: int | None
    examples: int

    @property
    def source(self) -> str:
        """What the scores are from: `predictions`, `likeness`, or `chance` while no image has the value."""
        if self.predictions is not None:
            return "predictions"
        return "likeness" if len(np.unique(self.scores[:2])) > 1 else "chance"


def members_of(session: Session, attribute_id: int, code: int) -> list[int]:
    """The ids of all labelled images with a value, audit images among them: a count without them would tell which they are."""
    query = select(Label.image_id).join(Image, Image.id == Label.image_id)
    query = query.where(Label.attribute_id == attribute_id, Label.code == code, COUNTED)
    return list(session.scalars(query.order_by(Label.annotation_id)))


def read_scores(
    project: ProjectFolder,
    session: Session,
    active: ActivePredictions | None,
    attribute: tuple[int, str],
    code: int,
    examples: list[int],
) -> Scores:
    """Score all images that lack an answer to the attribute and are not labelled blind.

    Args:
        project: the project.
        session: a reading session; the first call for a value reads the whole predictions.
        active: the active predictions.
        attribute: its id and name.
        code: the value.
        examples: the ids of labelled images with the value.
    """
    attribute_id, name = attribute
    images = np.fromiter(
        session.connection().scalars(select(Image.id).where(sweepable(session, attribute_id))), np.int64
    )
    source = active.sources.get(name) if active else None
    file = active.file_for(name) if active else None
    newest = session.scalar(select(func.max(Image.id))) or 0
    if source is not None and file is not None and code in file.codes[name]:
        key = (file.folder, attribute_id, code, newest, ())

        def of_model() -> NDArray[np.float64]:
            rows = rows_by_image(session, file)
            place = file.codes[name].index(code)
            known = np.flatnonzero(rows >= 0)
            scores = np.full(newest + 1, np.nan)
            p = file.probabilities(name, rows[known])[:, place]
            scores[known] = log_odds(p)
            scores[np.isnan(scores)] = log_odds(np.array([p.mean() if len(p) else _UNKNOWN_SHARE]))[0]
            return scores

        by_image, predictions = (
            project_cache(session).get_or_compute(_SCORES, key, of_model),
            source.predictions,
        )
    else:
        by_image, predictions = _likeness(project, session, attribute_id, code, newest, examples), None
    scores = by_image[images]
    order = np.argsort(-scores, kind="stable")
    return Scores(images[order], scores[order], predictions, len(examples))


def _likeness(
    project: ProjectFolder, session: Session, attribute_id: int, code: int, newest: int, examples: list[int]
) -> NDArray[np.float64]:
    """Log odds that fall with the rank of likeness: of m examples, the image of rank r has the odds m : r."""
    chosen = tuple(examples[-MAX_CHOSEN:])
    nothing = np.full(newest + 1, log_odds(np.array([_UNKNOWN_SHARE]))[0])
    if not chosen:
        return nothing
    version = session.scalars(select(Project.images_version)).one()
    key = (None, attribute_id, code, version, chosen)

    def compute() -> NDArray[np.float64]:
        try:
            ranked = order_by_likeness(project, session, chosen)
        except FacelabelError:  # no round has computed what images look like
            return nothing
        scores = nothing.copy()
        scores[ranked] = likeness_log_odds(np.arange(len(ranked)), len(chosen))
        return scores

    return project_cache(session).get_or_compute(_SCORES, key, compute)
