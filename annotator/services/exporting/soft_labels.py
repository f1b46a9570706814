"""The soft labels of a snapshot: how probable each value of a labelled cell is, from all answers to it.

The posterior is that of Dawid and Skene's model (domain/agreement/posterior.py), whose labellers are measured anew from the
answers of this moment, so that the same answers give the same file. A cell that a reviewer decided, a gold cell, and a cell of
an attribute that is not measured well enough have their label with probability 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.posterior import LabellerModel
from annotator.domain.schema import CANNOT_TELL, Schema
from annotator.domain.states import JUDGED, Origin
from annotator.formats.snapshot.images import BATCH, MISSING
from annotator.formats.snapshot.probabilities import SoftLabels, code_places
from annotator.models import Annotation, Image, Label
from annotator.services.common.bulk_read import Column
from annotator.services.common.counted import COUNTED
from annotator.services.common.votes import Opinions, differs, gold_answers, read_opinions
from annotator.services.predictions.label_columns import LabelColumns, fetch_many
from annotator.services.schema.active import active_schema
from annotator.services.tasks.labellers import estimate_models


def read_soft_labels(session: Session, schema: Schema) -> Iterator[SoftLabels]:
    """Yield the soft labels of all images that are not excluded, in the order of their names.

    Args:
        session: a session; its transaction sees one state of the answers.
        schema: the schema that the snapshot is written with.
    """
    cells = _read_cells(session, schema)
    labels = LabelColumns(session)
    query = select(Image.id, Image.name).where(COUNTED).order_by(Image.name)
    for rows in fetch_many(session, query, BATCH):
        ids, names = zip(*rows, strict=True)
        if cells:
            yield _of_batch(np.array(ids, np.int64), np.array(names, object), cells, labels)


def _of_batch(
    images: Column, names: NDArray[np.object_], cells: dict[str, _Cells], labels: LabelColumns
) -> SoftLabels:
    """The soft labels of some images: attribute by attribute in a table as wide as the most codes, then read row by row."""
    columns = labels.of(images)
    widths = np.array([of_attribute.width for of_attribute in cells.values()])
    p = np.zeros((len(images), len(cells), int(widths.max(initial=0))))
    labelled = np.zeros(p.shape[:2], bool)
    cannot_tell, opinions = np.zeros(p.shape[:2]), np.zeros(p.shape[:2], np.int64)
    for place, (name, of_attribute) in enumerate(cells.items()):
        labelled[:, place] = columns[name] != MISSING
        soft, opinions[:, place] = of_attribute.of(images, columns[name])
        p[:, place, : widths[place]], cannot_tell[:, place] = soft[:, :-1], soft[:, -1]
    image, attribute = np.nonzero(labelled)
    is_code = np.arange(p.shape[2]) < widths[attribute][:, None]
    return SoftLabels(
        names[image].tolist(),
        np.array(list(cells), object)[attribute].tolist(),
        widths[attribute],
        p[labelled][is_code],
        cannot_tell[labelled],
        opinions[labelled],
    )


class _Cells:
    """The soft labels of one attribute.

    Args:
        codes: the attribute's codes.
        size: more than the highest id of an image.
        opinions: the answers to its cells.
        model: of its labellers; None if they are not measured.
        fixed: the correct code by image id, where it is known.
    """

    def __init__(
        self,
        codes: list[int],
        size: int,
        opinions: Opinions,
        model: LabellerModel | None,
        fixed: dict[int, int],
    ) -> None:
        self._codes, self._fixed = [*codes, CANNOT_TELL], fixed
        self._people = np.bincount(opinions.image, minlength=size)
        self._row = np.full(size, -1)
        self._p = np.empty((0, len(self._codes)))
        if model is None or not len(opinions):
            return
        p = model.posteriors(opinions.cell, opinions.labeller, opinions.code)
        categories = [CANNOT_TELL if code is None else code for code in model.codes]
        self._p = np.zeros((len(p), len(self._codes)))
        for place, code in enumerate(self._codes):
            if code in categories:
                self._p[:, place] = p[:, categories.index(code)]
        images = opinions.image[differs(opinions.image)]
        known = self._p.sum(axis=1) > 0
        self._p[known] /= self._p[known].sum(axis=1, keepdims=True)
        self._row[images[known]] = np.flatnonzero(known)
        self._row[list(fixed)] = -1

    @property
    def width(self) -> int:
        """The number of codes."""
        return len(self._codes) - 1

    def of(self, images: Column, labels: NDArray[np.integer[Any]]) -> tuple[NDArray[np.float64], Column]:
        """Return (images, codes + 1) soft labels, the last column of which is "can't tell", and the (images,) numbers of people.

        Args:
            images: ids.
            labels: their codes, with CANNOT_TELL and MISSING as codes.
        """
        hard = np.array(
            [
                self._fixed.get(image, label)
                for image, label in zip(images.tolist(), labels.tolist(), strict=True)
            ]
        )
        soft = (hard[:, None] == np.array(self._codes)).astype(np.float64)
        row = self._row[images]
        soft[row >= 0] = self._p[row[row >= 0]]
        return soft, self._people[images]


def _read_cells(session: Session, schema: Schema) -> dict[str, _Cells]:
    active, opinions, models = (
        active_schema(session),
        read_opinions(session, JUDGED),
        estimate_models(session),
    )
    size = (session.scalar(select(func.max(Image.id))) or 0) + 1
    fixed: dict[int, dict[int, int]] = {}
    for (image, attribute), code in gold_answers(session).items():
        fixed.setdefault(attribute, {})[image] = code
    for image, attribute, decision in session.execute(_REVIEWED):
        fixed.setdefault(attribute, {})[image] = CANNOT_TELL if decision is None else decision
    return {
        name: _Cells(
            codes,
            size,
            opinions.where(opinions.attribute == active.ids[name]),
            models.get(active.ids[name]),
            fixed.get(active.ids[name], {}),
        )
        for name, codes in code_places(schema).items()
    }


_REVIEWED = select(Label.image_id, Label.attribute_id, Label.code).where(
    Label.annotation_id.in_(select(Annotation.id).where(Annotation.origin == Origin.REVIEW))
)
