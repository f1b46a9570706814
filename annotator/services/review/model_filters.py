"""The filters of *Browse* that need the predictions: what the model answers, how sure it is, whether it contradicts the label.

Images that are still labelled blind are left out: finding them here would reveal the suggestion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.statistics import balanced_answers
from annotator.domain.states import Origin
from annotator.errors import WrongUse
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Annotation, Image, Label
from annotator.services.predictions.active import ActivePredictions
from annotator.services.review.filters import Filters
from annotator.services.rounds.audit_set import value_columns
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.visibility import still_blind

Conditions = list[ColumnElement[bool]]
_SPARSE = 4
"""Above this ratio of rows between two names to the rows that are asked for, single rows are looked up."""


def check_model_filters(filters: Filters) -> None:
    """Refuse a filter by the model's answers that says no attribute.

    Raises:
        WrongUse: if it has none.
    """
    if filters.asks_model and filters.contradicted is None and filters.attribute is None:
        raise WrongUse(
            "no_attribute",
            "A filter by the model's answers needs an attribute.",
            do="Send the attribute as well.",
        )


def model_conditions(
    session: Session,
    active: ActiveSchema,
    filters: Filters,
    predictions: ActivePredictions,
    window: Conditions,
    where: Conditions,
) -> Conditions:
    """The condition for images of a window that fulfil the filters that need the predictions."""
    ids: set[int] | None = None
    if filters.contradicted is not None:
        ids = _contradicted(session, active, filters, predictions, window, where)
    if filters.asks_answer:
        answered = _answered(session, active, filters, predictions, window, where)
        ids = answered if ids is None else ids & answered
    return [Image.id.in_(ids or ())]


def _contradicted(
    session: Session,
    active: ActiveSchema,
    filters: Filters,
    predictions: ActivePredictions,
    window: Conditions,
    where: Conditions,
) -> set[int]:
    """Images with a label that the model contradicts and no reviewer decided, without audit images.

    Correcting just those audit labels that the model contradicts would flatter it.
    """
    asked = [filters.attribute] if filters.attribute else list(active.names.values())
    sources = {active.ids[name]: file for name in asked if (file := predictions.file_for(name))}
    rows = session.execute(
        select(Image.id, Image.name, Image.sha256, Label.attribute_id, Label.code)
        .join(Label, Label.image_id == Image.id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(
            *window,
            *where,
            Label.attribute_id.in_(sources),
            Annotation.origin != Origin.REVIEW,
            Image.split != "test",
            ~still_blind(session),
        )
    ).all()
    names = sorted({(row.name, row.sha256) for row in rows})
    answers = {file: _top_values(file, names) for file in set(sources.values())}
    ids = set()
    for image_id, name, _, attribute_id, code in rows:
        top = answers[sources[attribute_id]](active.names[attribute_id]).get(name)
        if top is not None and top[0] != code and top[1] >= (filters.contradicted or 0):
            ids.add(image_id)
    return ids


TopOf = Callable[[str], Mapping[str, tuple[int, float]]]


def _top_values(file: PredictionsFile, images: list[tuple[str, str]]) -> TopOf:
    """A function from an attribute to image name → the most probable code and its probability; `images` by name."""
    rows = find_rows(file, images)
    known = rows >= 0
    names = [name for (name, _), here in zip(images, known, strict=True) if here]
    tops: dict[str, dict[str, tuple[int, float]]] = {}

    def of(attribute: str) -> Mapping[str, tuple[int, float]]:
        if attribute not in tops:
            p = file.probabilities(attribute, rows[known])
            codes = np.asarray(file.codes[attribute])[p.argmax(axis=1)].tolist()
            pairs = zip(codes, p.max(axis=1, initial=0).tolist(), strict=True)
            tops[attribute] = dict(zip(names, pairs, strict=True))
        return tops[attribute]

    return of


def find_rows(file: PredictionsFile, images: list[tuple[str, str]]) -> NDArray[np.int64]:
    """The (images,) rows of images by name and SHA-256, sorted by name; -1 for images whose bytes the file does not have."""
    if not images:
        return np.empty(0, np.int64)
    start, stop = file.span(images[0][0], images[-1][0])
    if stop - start > _SPARSE * len(images):
        return file.rows_of(images)
    places = {image: start + place for place, image in enumerate(file.images_between(start, stop))}
    return np.asarray([places.get(image, -1) for image in images], np.int64)


def _answered(
    session: Session,
    active: ActiveSchema,
    filters: Filters,
    predictions: ActivePredictions,
    window: Conditions,
    where: Conditions,
) -> set[int]:
    """Images to which the model gives the wanted answer, or an answer with the wanted probability."""
    name = filters.attribute or ""
    file = predictions.file_for(name)
    if file is None:
        return set()
    query = select(Image.id, Image.name, Image.sha256).where(*window, *where, ~still_blind(session))
    images = session.execute(query.order_by(Image.name)).all()
    rows = find_rows(file, [(row.name, row.sha256) for row in images])
    known = rows >= 0
    answers = read_answers(file, active, name, rows[known], balanced=filters.balanced)
    right = np.ones(len(answers.codes), np.bool_)
    if filters.predicted is not None:
        right &= answers.codes == filters.predicted
    if filters.sure_from is not None:
        right &= answers.sure >= filters.sure_from
    if filters.sure_below is not None:
        right &= answers.sure < filters.sure_below
    numbers = np.asarray([row.id for row in images], np.int64)[known]
    return set(numbers[right].tolist())


@dataclass(frozen=True)
class ModelAnswers:
    """The answers to some images: (images,) codes of the active schema, and the largest probability of each image."""

    codes: NDArray[np.int64]
    sure: NDArray[np.float64]


def read_answers(
    file: PredictionsFile, active: ActiveSchema, name: str, rows: NDArray[np.int64], *, balanced: bool = False
) -> ModelAnswers:
    """The model's answers to some rows: the most probable values, or the class-balanced ones of the confusion matrices."""
    attribute = active.schema[name]
    columns = value_columns(attribute, file.codes[name])
    p = file.probabilities(name, rows) @ columns
    values = np.asarray([value.code for value in attribute.values], np.int64)
    if not len(rows):
        return ModelAnswers(np.empty(0, np.int64), np.empty(0))
    if balanced:
        entries: Iterable[dict[str, object]] = file.manifest["schema"]["attributes"]
        prior = next(entry.get("prior") for entry in entries if entry["name"] == name)
        share = np.asarray(prior or [1 / len(columns)] * len(columns)) @ columns
        best = balanced_answers(p, share)
    else:
        best = p.argmax(axis=1)
    return ModelAnswers(values[best], p.max(axis=1))
