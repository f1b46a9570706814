"""What each image on a map is coloured by: its label, the model's answer or how uncertain the model is. One byte for each image.

An image that is excluded or erased is hidden at once. The model's answers to images that are still labelled blind stay hidden
as they do in *Browse*.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL
from annotator.errors import WrongUse
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.bulk_read import read_columns
from annotator.services.common.counted import COUNTED
from annotator.services.common.image_maps import ImageMap, map_points, prediction_rows
from annotator.services.predictions.active import active_predictions
from annotator.services.predictions.label_columns import label_column
from annotator.services.review.model_filters import read_answers
from annotator.services.review.own_answers import check_reviewers_view, own_column
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.tasks.visibility import still_blind

COLOURED_BY = ("label", "prediction", "uncertainty")
HIDDEN, NOTHING, UNSURE = 255, 254, 253
"""The bytes of an image that is not shown, of one without label or answer, and of one with "can't tell"."""
MOST_VALUES = 200
MOST_UNCERTAIN = 200
"""The byte of an uncertainty of 1; that of 0 is 0."""


def map_colours(
    project: ProjectFolder,
    session: Session,
    image_map: ImageMap,
    by: str,
    attribute: str | None,
    own_of: int | None = None,
) -> NDArray[np.uint8]:
    """Return the (images,) bytes of the images on a map, in its order.

    By label and by prediction it is the place of the value among the attribute's values in the schema; by uncertainty it is
    one minus the largest probability, of the attribute or the mean of all, times `MOST_UNCERTAIN`.

    Args:
        project: the project.
        session: a session.
        image_map: the map.
        by: one of `COLOURED_BY`.
        attribute: its name; None: all, for the uncertainty.
        own_of: the labeller who sees only their own answers; None: a reviewer.

    Raises:
        Forbidden: if a labeller asks what the model thinks.
        NotFound: if the map is gone.
        WrongUse: if the attribute is missing, or has no values that could be colours.
        FacelabelError: if there is no such attribute.
    """
    if by != "label":
        check_reviewers_view(own_of, f"The colour by {by}")
    active = active_schema(session)
    if attribute is not None and attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    ids = map_points(session, image_map).ids
    if by == "uncertainty":
        colours = _uncertainties(project, session, active, image_map, attribute)
    else:
        name = _check_attribute(active, attribute)
        if by == "label":
            colours = _labels(session, active, name, ids, own_of)
        else:
            colours = _answers(project, session, active, image_map, name)
    if by != "label":
        [blind] = read_columns(session, Image.id, [Image.id], still_blind(session))
        colours[np.isin(ids, blind)] = NOTHING
    [counted] = read_columns(session, Image.id, [Image.id], COUNTED)
    colours[~np.isin(ids, counted)] = HIDDEN
    return colours


def _check_attribute(active: ActiveSchema, attribute: str | None) -> str:
    if attribute is None:
        raise WrongUse("no_attribute", "These colours need an attribute.", do="Send the attribute as well.")
    if active.schema[attribute].kind != "categorical" or len(active.schema[attribute].values) > MOST_VALUES:
        raise WrongUse(
            "no_colours",
            f"{attribute} has too many values for colours.",
            do="Choose an attribute with a short list of values.",
        )
    return attribute


def _places(active: ActiveSchema, attribute: str, codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The place of each code among the attribute's values; NOTHING for other codes."""
    places = np.full(len(codes), NOTHING, np.uint8)
    for place, value in enumerate(active.schema[attribute].values):
        places[codes == value.code] = place
    return places


def _labels(
    session: Session, active: ActiveSchema, attribute: str, ids: NDArray[np.int64], own_of: int | None
) -> NDArray[np.uint8]:
    number, size = active.ids[attribute], int(ids.max(initial=0)) + 1
    if own_of is None:
        column = label_column(session, number, size)
    else:
        column = own_column(session, active, own_of, number, size)
    codes = column[ids].astype(np.int64)
    places = _places(active, attribute, codes)
    places[codes == CANNOT_TELL] = UNSURE
    return places


def _answers(
    project: ProjectFolder, session: Session, active: ActiveSchema, image_map: ImageMap, attribute: str
) -> NDArray[np.uint8]:
    colours = np.full(len(map_points(session, image_map).ids), NOTHING, np.uint8)
    predictions = active_predictions(project, session, active.hash)
    file = predictions.file_for(attribute) if predictions is not None else None
    if file is not None:
        rows = prediction_rows(session, image_map, file)
        answers = read_answers(file, active, attribute, rows[rows >= 0])
        colours[rows >= 0] = _places(active, attribute, answers.codes)
    return colours


def _uncertainties(
    project: ProjectFolder, session: Session, active: ActiveSchema, image_map: ImageMap, attribute: str | None
) -> NDArray[np.uint8]:
    colours = np.full(len(map_points(session, image_map).ids), NOTHING, np.uint8)
    predictions = active_predictions(project, session, active.hash)
    if predictions is None:
        return colours
    file = predictions.file_for(attribute or "") or predictions.file
    rows = prediction_rows(session, image_map, file)
    known = rows[rows >= 0]
    if attribute in file.codes and attribute is not None:
        values = 1 - file.probabilities(attribute, known).max(axis=1, initial=0)
    else:
        values = file.uncertainty()[known].astype(np.float64)
    colours[rows >= 0] = np.clip(values * MOST_UNCERTAIN, 0, MOST_UNCERTAIN).round().astype(np.uint8)
    return colours
