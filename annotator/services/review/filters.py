"""Which images a view of browse shows, as conditions of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Select, String, UnaryExpression, and_, case, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.operators import custom_op

from annotator.domain.states import Origin
from annotator.errors import WrongUse
from annotator.models import Annotation, Flag, Gold, Image, Label, Labeller, Submission, Undecided
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import ActiveSchema, unknown_attribute

NOT_LABELLED, CANNOT_TELL = "none", "unsure"
_FACES = {"none": Image.face_count == 0, "one": Image.face_count == 1, "several": Image.face_count > 1}
_FLAGS = {
    "open": Flag.resolved_at.is_(None),
    "resolved": Flag.resolved_at.is_not(None),
    "any": Flag.id.is_not(None),
}


@dataclass(frozen=True)
class Filters:
    """What a view shows; everything that is given must hold.

    Args:
        attribute: the cell that value, labeller, origin and the disagreements are about; otherwise any cell.
        value: a code, "none" (not labelled) or "unsure" (can't tell).
        labeller: who gave the label that counts.
        origin: how that label came about.
        source: the folder that the image was imported from.
        split: train, val or test.
        group: the key of the group.
        name: how the image's name begins; after a * what it holds somewhere.
        faces: how many faces were found; what was not looked at yet is in none.
        flag: images with a flag that is open, resolved, or either.
        differing: extra opinions differ from the label, and no reviewer has decided since.
        contradicted: the model gives another value than the label at least this probability, and no reviewer decided.
        undecided: the last aggregation found no clear answer, and no reviewer decided since.
    """

    attribute: str | None = None
    value: str | None = None
    labeller: str | None = None
    origin: str | None = None
    source: str | None = None
    split: str | None = None
    group: str | None = None
    name: str | None = None
    faces: Literal["none", "one", "several"] | None = None
    flag: Literal["open", "resolved", "any"] | None = None
    differing: bool = False
    contradicted: float | None = None
    undecided: bool = False

    @property
    def prefix(self) -> str:
        """What the names begin with."""
        return "" if self.name is None or self.name.startswith("*") else self.name


_FEW = 20_000
"""Rows of an index that are looked through at once."""


def is_narrow(session: Session, filters: Filters) -> bool:
    """Whether an index leads to few images, so that they need not be looked for among all."""
    indexes = [
        select(Flag.id) if filters.flag is not None else None,
        select(Annotation.id).where(Annotation.origin == Origin.OPINION) if filters.differing else None,
        select(Undecided.image_id) if filters.undecided else None,
        select(Image.id).where(Image.group == filters.group) if filters.group is not None else None,
    ]
    return any(query is not None and session.scalar(query.offset(_FEW).limit(1)) is None for query in indexes)


def conditions(
    session: Session, active: ActiveSchema, filters: Filters, *, narrow: bool = True
) -> list[ColumnElement[bool]]:
    """The filters as conditions on images; `contradicted` is not among them, it needs the predictions file.

    Args:
        session: a session.
        active: the active schema.
        filters: what must hold.
        narrow: whether the images are found through these conditions; else each is looked up for an image at hand.

    Raises:
        FacelabelError: if there is no such attribute, or a value is given without one.
    """
    attribute_id = _attribute_id(active, filters.attribute)
    found: list[ColumnElement[bool]] = []
    for column, wanted in (
        (_unindexed(Image.split), filters.split),
        (Image.source, filters.source),
        (Image.group if narrow else _unindexed(Image.group), filters.group),
    ):
        if wanted is not None:
            found.append(column == wanted)
    if filters.name is not None and filters.name.startswith("*"):
        found.append(Image.name.contains(filters.name[1:], autoescape=True))
    if filters.faces is not None:
        found.append(_FACES[filters.faces])
    for query in _lists(active, filters, attribute_id):
        [image_id] = query.selected_columns
        found.append(Image.id.in_(query) if narrow else query.where(image_id == Image.id).exists())
    if filters.value == NOT_LABELLED:
        found.append(~exists().where(Label.image_id == Image.id, Label.attribute_id == attribute_id))
    elif filters.value is not None or filters.labeller is not None or filters.origin is not None:
        found.append(_labelled(session, attribute_id, filters))
    return found


def _unindexed(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A column that is not found by its index, which would lead to far more images than a window of names holds."""
    return UnaryExpression(column.expression, operator=custom_op("+"), type_=String())


def _lists(active: ActiveSchema, filters: Filters, attribute_id: int | None) -> Iterator[Select[int]]:
    """The images that were flagged, disagreed about, or left undecided, as far as these are asked for."""
    if filters.flag is not None:
        yield select(Flag.image_id).where(_FLAGS[filters.flag])
    if filters.differing:
        yield _differing(active, attribute_id)
    if filters.undecided:
        yield _undecided(attribute_id)


def _attribute_id(active: ActiveSchema, attribute: str | None) -> int | None:
    if attribute is not None and attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    return active.ids[attribute] if attribute is not None else None


def _labelled(session: Session, attribute_id: int | None, filters: Filters) -> ColumnElement[bool]:
    """There is a label of this attribute, value, labeller and origin."""
    query = select(Label.image_id).where(Label.image_id == Image.id)
    if attribute_id is not None:
        query = query.where(Label.attribute_id == attribute_id)
    if filters.value is not None:
        if attribute_id is None:
            raise WrongUse(
                "no_attribute", "A value is one of an attribute.", do="Send the attribute as well."
            )
        query = query.where(Label.code == _code(filters.value))
    if filters.labeller is not None or filters.origin is not None:
        query = query.join(Annotation, Annotation.id == Label.annotation_id)
    if filters.origin is not None:
        query = query.where(Annotation.origin == filters.origin)
    if filters.labeller is not None:
        number = session.scalar(select(Labeller.id).where(Labeller.name == filters.labeller))
        query = query.join(Submission, Submission.id == Annotation.submission_id)
        query = query.where(Submission.labeller_id == number)
    return query.exists()


def _code(value: str) -> int | None:
    if value == CANNOT_TELL:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    raise WrongUse(
        "bad_value", f"{value!r} is no value.", do="Send a code, none (not labelled) or unsure (can't tell)."
    )


def _differing(active: ActiveSchema, attribute_id: int | None) -> Select[int]:
    """Images with an opinion that counts and differs from the label, unless a reviewer decided after it.

    What labellers answer to a gold image measures them; it puts no decision in doubt. An opinion whose value was merged
    since means the other one, and one whose value was split means none.
    """
    opinion, label = aliased(Annotation), aliased(Annotation)
    split = [
        and_(opinion.attribute_id == number, opinion.code == code)
        for (number, code), current in active.replaced.items()
        if current is None
    ]
    merged = [
        (and_(opinion.attribute_id == number, opinion.code == code), current)
        for (number, code), current in active.replaced.items()
        if current is not None
    ]
    said = case(*merged, else_=opinion.code) if merged else opinion.code
    gold = exists().where(Gold.image_id == opinion.image_id)
    query = (
        select(opinion.image_id)
        .join(Label, (Label.image_id == opinion.image_id) & (Label.attribute_id == opinion.attribute_id))
        .join(label, label.id == Label.annotation_id)
        .where(
            opinion.origin == Origin.OPINION,
            Label.code.is_distinct_from(said),
            *(~condition for condition in split),
            or_(label.origin != Origin.REVIEW, and_(opinion.id > label.id, ~gold)),
            ~is_undone(opinion.submission_id),
        )
    )
    return query if attribute_id is None else query.where(opinion.attribute_id == attribute_id)


def _undecided(attribute_id: int | None) -> Select[int]:
    """Images with a cell that the last aggregation left open, unless a reviewer has decided it."""
    reviewed = (
        select(Label.image_id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(
            Label.image_id == Undecided.image_id,
            Label.attribute_id == Undecided.attribute_id,
            Annotation.origin == Origin.REVIEW,
        )
    )
    query = select(Undecided.image_id).where(~reviewed.exists())
    return query if attribute_id is None else query.where(Undecided.attribute_id == attribute_id)
