"""The filters of *Browse* as conditions of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, case, exists, or_, select
from sqlalchemy.orm import Session, aliased

from annotator.database.statements import unindexed
from annotator.domain.states import Origin
from annotator.errors import WrongUse
from annotator.models import Annotation, Flag, Gold, Image, Label, Labeller, Skip, Submission, Undecided
from annotator.services.common.counted import COUNTED
from annotator.services.common.filled import has_filled_cell
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.review.own_answers import answered_by, answered_cell, has_own_code, own_code
from annotator.services.schema.active import ActiveSchema, unknown_attribute

NOT_LABELLED, CANNOT_TELL, LABELLED = "none", "unsure", "labelled"
_FACES = {"none": Image.face_count == 0, "one": Image.face_count == 1, "several": Image.face_count > 1}
_FLAGS = {
    "open": Flag.resolved_at.is_(None),
    "resolved": Flag.resolved_at.is_not(None),
    "any": Flag.id.is_not(None),
}


_excluded = aliased(Image)
_EXCLUDED = select(_excluded.id).where(_excluded.exclusion_id.is_not(None))


@dataclass(frozen=True)
class Filters:
    """The filters of a view. An image is shown if it fulfils all of them.

    Args:
        attribute: the cell to which value, labeller, origin and disagreement refer; None: any cell.
        value: a code, "none" (not labelled), "unsure" (can't tell) or "labelled" (with any value).
        also: further pairs of attribute and value, all of which must hold.
        labeller: the name of the labeller who gave the label.
        origin: the label's origin.
        source: the folder that the image was imported from.
        split: train, val or test.
        group: the key of the group.
        name: the start of the image's name; after a "*", any part of it.
        faces: the number of faces; images that were not analysed yet have no number.
        flag: images with an open flag, a resolved flag, or any flag.
        skipped: images that somebody skipped: `open` ones, or any.
        differing: an opinion differs from the label, and no reviewer has decided since.
        contradicted: the model gives another value than the label at least this probability, and no reviewer decided.
        undecided: the last aggregation found no clear answer, and no reviewer has decided since.
        predicted: the code that the model answers.
        balanced: `predicted` is the class-balanced answer, as in a confusion matrix, and not the most probable value.
        sure_from: the least probability of the model's most probable value.
        sure_below: the probability that it does not reach.
        round: the round whose model is meant in place of the ones that suggest now.
        filled: only images with a cell that the model fills, or all others; None: both. For `only`, the cell is of `attribute`, and
            its value is `value`.
        excluded: only excluded images, or all others; None: both.
        inside: a polygon on a map of the images, as `annotator.domain.polygon` reads it; excluded images are on no map.
        own_of: the labeller who sees only their own answers, flags and skipped images; None: those of everybody.
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
    skipped: Literal["open", "any"] | None = None
    differing: bool = False
    contradicted: float | None = None
    undecided: bool = False
    filled: Literal["only", "without"] | None = None
    excluded: Literal["only", "without"] | None = None
    also: tuple[tuple[str, str], ...] = ()
    predicted: int | None = None
    balanced: bool = False
    sure_from: float | None = None
    sure_below: float | None = None
    round: int | None = None
    inside: str | None = None
    own_of: int | None = None

    @property
    def asks_answer(self) -> bool:
        """Whether the model's answers decide."""
        return not (self.predicted is None and self.sure_from is None and self.sure_below is None)

    @property
    def asks_model(self) -> bool:
        """Whether a filter needs the predictions file."""
        return self.contradicted is not None or self.asks_answer

    @property
    def asks_others(self) -> bool:
        """Whether a filter tells what others answered, what the model answers, or which images are asked blind."""
        asked = (self.labeller, self.origin, self.split, self.group, self.filled)
        return any(part is not None for part in asked) or self.differing or self.undecided or self.asks_model

    @property
    def prefix(self) -> str:
        """The start that all names must have."""
        return "" if self.name is None or self.name.startswith("*") else self.name


FEW = 20_000
"""Rows of an index up to which it counts as leading to few images."""


def is_narrow(session: Session, filters: Filters) -> bool:
    """Whether an index leads to few images, so that not all images need to be searched."""
    indexes = [
        select(Flag.id) if filters.flag is not None else None,
        select(Skip.image_id) if filters.skipped is not None else None,
        select(Annotation.id).where(Annotation.origin == Origin.OPINION) if filters.differing else None,
        select(Undecided.image_id) if filters.undecided else None,
        _EXCLUDED if filters.excluded == "only" else None,
        select(Image.id).where(Image.group == filters.group) if filters.group is not None else None,
    ]
    return any(query is not None and session.scalar(query.offset(FEW).limit(1)) is None for query in indexes)


def conditions(
    session: Session, active: ActiveSchema, filters: Filters, *, narrow: bool = True
) -> list[ColumnElement[bool]]:
    """Translate filters to conditions on images; all but those that need the predictions file (model_filters.py).

    Args:
        session: a session.
        active: the active schema.
        filters: the filters.
        narrow: whether the database finds the images through these conditions; otherwise it tests each image of a window.

    Raises:
        FacelabelError: if there is no such attribute, or a value has no attribute.
    """
    attribute_id = _attribute_id(active, filters.attribute)
    chosen: list[ColumnElement[bool]] = []
    for column, wanted in (
        (unindexed(Image.split), filters.split),
        (Image.source, filters.source),
        (Image.group if narrow else unindexed(Image.group), filters.group),
    ):
        if wanted is not None:
            chosen.append(column == wanted)
    if filters.name is not None and filters.name.startswith("*"):
        chosen.append(Image.name.contains(filters.name[1:], autoescape=True))
    if filters.excluded == "without":
        chosen.append(COUNTED)
    if filters.own_of is not None and filters.skipped == "open":
        chosen.append(~answered_by(filters.own_of))
    if filters.faces is not None:
        chosen.append(_FACES[filters.faces])
    for query in _lists(active, filters, attribute_id):
        [image_id] = query.selected_columns
        chosen.append(Image.id.in_(query) if narrow else query.where(image_id == Image.id).exists())
    chosen += [_has_value(active, filters, name, value) for name, value in filters.also]
    if filters.filled is not None:
        chosen.append(_filled(attribute_id, filters))
    if filters.filled == "only":
        filters = replace(filters, value=None)  # it is the value of the filled cell
    return chosen + _of_label(session, active, filters, attribute_id)


def _of_label(
    session: Session, active: ActiveSchema, filters: Filters, attribute_id: int | None
) -> list[ColumnElement[bool]]:
    if filters.value == NOT_LABELLED or (filters.value is not None and filters.own_of is not None):
        return [_has_value(active, filters, _valued(filters), filters.value)]
    if filters.value is not None or filters.labeller is not None or filters.origin is not None:
        return [_labelled(session, attribute_id, filters)]
    return []


def _lists(active: ActiveSchema, filters: Filters, attribute_id: int | None) -> Iterator[Select[int]]:
    """Select images with flags, disagreement or undecided cells, or excluded ones, for each of these filters that is set."""
    if filters.flag is not None:
        flags = select(Flag.image_id).where(_FLAGS[filters.flag])
        yield flags if filters.own_of is None else flags.where(Flag.labeller_id == filters.own_of)
    if filters.skipped is not None:
        skips = select(Skip.image_id)
        if filters.own_of is not None:
            skips = skips.where(Skip.labeller_id == filters.own_of)
        elif filters.skipped == "open":
            skipped = aliased(Image)
            skips = skips.join(skipped, skipped.id == Skip.image_id).where(skipped.open_cells > 0)
        yield skips
    if filters.differing:
        yield _differing(active, attribute_id)
    if filters.excluded == "only":
        yield _EXCLUDED
    if filters.undecided:
        yield _undecided(attribute_id)


def _attribute_id(active: ActiveSchema, attribute: str | None) -> int | None:
    if attribute is not None and attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    return active.ids[attribute] if attribute is not None else None


def _labelled(session: Session, attribute_id: int | None, filters: Filters) -> ColumnElement[bool]:
    """The condition that a label has this attribute, value, labeller and origin."""
    query = select(Label.image_id).where(Label.image_id == Image.id)
    if attribute_id is not None:
        query = query.where(Label.attribute_id == attribute_id)
    if filters.value is not None:
        _valued(filters)
        query = query.where(_is_value(filters.value))
    if filters.labeller is not None or filters.origin is not None:
        query = query.join(Annotation, Annotation.id == Label.annotation_id)
    if filters.origin is not None:
        query = query.where(Annotation.origin == filters.origin)
    if filters.labeller is not None:
        number = session.scalar(select(Labeller.id).where(Labeller.name == filters.labeller))
        query = query.join(Submission, Submission.id == Annotation.submission_id)
        query = query.where(Submission.labeller_id == number)
    return query.correlate(Image).exists()


def _filled(attribute_id: int | None, filters: Filters) -> ColumnElement[bool]:
    if filters.filled == "without":
        return ~has_filled_cell(attribute_id)
    if filters.value is None:
        return has_filled_cell(attribute_id)
    _valued(filters)
    return has_filled_cell(attribute_id, _code(filters.value))


def _valued(filters: Filters) -> str:
    """The attribute to which the value of a view refers."""
    if filters.attribute is None:
        raise WrongUse("no_attribute", "A value filter needs an attribute.", do="Send the attribute as well.")
    return filters.attribute


def _has_value(active: ActiveSchema, filters: Filters, attribute: str, value: str) -> ColumnElement[bool]:
    """The condition that an image's label of an attribute is a value, or the own answer of the labeller who looks."""
    attribute_id = _attribute_id(active, attribute)
    assert attribute_id is not None
    if filters.own_of is not None:
        return _has_own_value(active, filters.own_of, attribute_id, value)
    label = select(Label.image_id).where(Label.image_id == Image.id, Label.attribute_id == attribute_id)
    if value == NOT_LABELLED:
        return ~label.correlate(Image).exists()
    return label.where(_is_value(value)).correlate(Image).exists()


def _has_own_value(
    active: ActiveSchema, labeller_id: int, attribute_id: int, value: str
) -> ColumnElement[bool]:
    answered = answered_cell(labeller_id, attribute_id)
    if value == NOT_LABELLED:
        return ~answered
    if value == LABELLED:
        return own_code(labeller_id, attribute_id).is_not(None)
    return has_own_code(active, labeller_id, attribute_id, _code(value))


def _is_value(value: str) -> ColumnElement[bool]:
    return Label.code.is_not(None) if value == LABELLED else Label.code == _code(value)


def _code(value: str) -> int | None:
    if value == CANNOT_TELL:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    raise WrongUse(
        "bad_value",
        f"{value!r} is not a value.",
        do="Send a code, none (not labelled), unsure (can't tell) or labelled (with any value).",
    )


def _differing(active: ActiveSchema, attribute_id: int | None) -> Select[int]:
    """Select images with an opinion that differs from the label, unless a reviewer decided after it.

    Opinions on gold images measure labellers and do not call a decision into question. An opinion whose value was merged means
    the value that replaced it; an opinion whose value was split is ignored.
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
    opinion_code = case(*merged, else_=opinion.code) if merged else opinion.code
    gold = exists().where(Gold.image_id == opinion.image_id)
    query = (
        select(opinion.image_id)
        .join(Label, (Label.image_id == opinion.image_id) & (Label.attribute_id == opinion.attribute_id))
        .join(label, label.id == Label.annotation_id)
        .where(
            opinion.origin == Origin.OPINION,
            Label.code.is_distinct_from(opinion_code),
            *(~condition for condition in split),
            or_(label.origin != Origin.REVIEW, and_(opinion.id > label.id, ~gold)),
            ~is_undone(opinion.submission_id),
            ~is_cleared(opinion),
        )
    )
    return query if attribute_id is None else query.where(opinion.attribute_id == attribute_id)


def _undecided(attribute_id: int | None) -> Select[int]:
    """Select images with a cell that the last aggregation could not decide and that no reviewer decided since."""
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
