"""One image in detail: labels, suggestions, flags, and the history of its annotations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute
from annotator.domain.states import PERSONAL, Origin
from annotator.errors import NotFound
from annotator.formats.snapshot.predictions import Suggestion
from annotator.models import Annotation, Gold, Image, Label, Labeller, Submission, Undecided, ValueRow
from annotator.project import ProjectFolder
from annotator.services.annotation.exclude import ExclusionDetail, exclusion_of
from annotator.services.common.filled import FilledCell, filled_cells
from annotator.services.common.undone import is_cleared, is_undone
from annotator.services.predictions.active import active_predictions
from annotator.services.review.flags import FlagDetail, flags_of
from annotator.services.review.label_issues import LabelIssue, label_issues_of
from annotator.services.review.own_answers import own_codes
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.tasks.visibility import is_blind
from annotator.services.tasks.withholding import is_withheld

CONFIDENT = 0.9
"""A reviewer looks at a label if the model gives another value at least this probability."""


@dataclass(frozen=True)
class HistoryEntry:
    """One annotation of a cell. `undone`: its submission was undone. Undoing adds an annotation too."""

    id: int
    code: int | None
    name: str | None
    labeller: str
    origin: str
    created_at: datetime
    undone: bool


@dataclass(frozen=True)
class CellDetail:
    """One cell. A reviewer's decision ends `differing`, `undecided` and `contradicted`.

    Args:
        attribute: the attribute's name.
        label: the annotation that is the label.
        suggestion: the model's answer, unless it is hidden.
        suggested_name: the name of the suggested value.
        filled: the model's value that fills the cell; None if it is not filled.
        filled_name: the name of that value.
        differing: whether opinions differ from the label.
        undecided: whether the last aggregation found no clear answer.
        contradicted: whether a confident model gives another answer, or the label has an issue.
        suspicion: the issue.
        suspected_name: the name of the value that is probably right.
        history: all annotations, oldest first.
    """

    attribute: str
    label: HistoryEntry | None
    suggestion: Suggestion | None
    suggested_name: str | None
    filled: FilledCell | None
    filled_name: str | None
    differing: bool
    undecided: bool
    contradicted: bool
    suspicion: LabelIssue | None
    suspected_name: str | None
    history: list[HistoryEntry]


@dataclass(frozen=True)
class ImageDetail:
    """An image with its cells in schema order and its flags.

    `done`: it needs no further answer. `blind`: the suggestions are hidden. `excluded`: why it does not count.
    """

    image: Image
    done: bool
    blind: bool
    cells: list[CellDetail]
    flags: list[FlagDetail]
    excluded: ExclusionDetail | None


def get_image(session: Session, image_id: int) -> Image:
    """Find an image by its id.

    Raises:
        NotFound: if there is no such image.
    """
    image = session.get(Image, image_id)
    if image is None:
        raise unknown_image(image_id)
    return image


def unknown_image(image_id: int) -> NotFound:
    """The error for an id that no image has."""
    return NotFound("unknown_image", f"There is no image {image_id}.", do="Search for it by its name.")


def read_image(
    project: ProjectFolder,
    session: Session,
    image_id: int,
    own_of: int | None = None,
    viewer_id: int | None = None,
) -> ImageDetail:
    """Read an image with its labels, suggestions, flags and history.

    Args:
        project: the project.
        session: a session.
        image_id: the image.
        own_of: the labeller who sees only their own answers and flags; None: a reviewer.
        viewer_id: the reviewer, who may still be asked about it without suggestions.

    Raises:
        NotFound: if there is no such image.
    """
    image = get_image(session, image_id)
    if own_of is not None:
        return _read_own(session, image, own_of)
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    blind = is_blind(session, image)
    if viewer_id is not None and not blind:
        blind = is_withheld(session, viewer_id, image)
    suggestions = {}
    if predictions is not None and not blind:
        suggestions = predictions.suggestions(image.name, image.sha256)
    labels = dict(
        session.execute(
            select(Label.attribute_id, Label.annotation_id).where(Label.image_id == image.id)
        ).all()
    )
    filled = {cell.attribute: cell for cell in filled_cells(session, [image.id])}
    history = _history(session, active, image)
    issues = {} if blind else label_issues_of(project, image.name)
    gold = session.scalar(select(Gold.id).where(Gold.image_id == image.id)) is not None
    undecided = set(session.scalars(select(Undecided.attribute_id).where(Undecided.image_id == image.id)))
    cells = [
        _cell(
            active,
            name,
            history.get(number, []),
            labels.get(number),
            suggestions.get(name),
            filled.get(name),
            issues.get(name),
            number in undecided,
            gold,
        )
        for number, name in active.names.items()
    ]
    flags, done = flags_of(session, image.id), image.open_cells == 0
    return ImageDetail(image, done, blind, cells, flags, exclusion_of(session, image.id))


def _read_own(session: Session, image: Image, labeller_id: int) -> ImageDetail:
    """An image as a labeller sees it: the newest own answer as the label, and nothing that others or the model answered."""
    active = active_schema(session)
    codes = own_codes(session, active, labeller_id, [image.id]).get(image.id, {})
    history = _history(session, active, image, Submission.labeller_id == labeller_id)
    cells = []
    for number, name in active.names.items():
        entries = [
            replace(entry, origin=Origin.HUMAN) if entry.origin == Origin.OPINION else entry
            for entry in history.get(number, [])
        ]
        standing = [e for e in entries if name in codes and not e.undone and e.origin in PERSONAL]
        label = standing[-1] if standing else None
        cells.append(
            CellDetail(name, label, None, None, None, None, False, False, False, None, None, entries)
        )
    flags = [flag for flag in flags_of(session, image.id) if flag.labeller_id == labeller_id]
    return ImageDetail(image, bool(codes), True, cells, flags, exclusion_of(session, image.id))


def _history(
    session: Session, active: ActiveSchema, image: Image, *conditions: ColumnElement[bool]
) -> dict[int, list[HistoryEntry]]:
    """Read the annotations of an image that fulfil conditions by attribute, oldest first."""
    rows = session.execute(
        select(Annotation, Labeller.name, Submission.created_at, or_(is_undone(), is_cleared()))
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Labeller, Labeller.id == Submission.labeller_id)
        .where(Annotation.image_id == image.id, *conditions)
        .order_by(Annotation.id)
    ).all()
    names = _value_names(session, active, {(row.attribute_id, row.code) for row, *_ in rows})
    history: dict[int, list[HistoryEntry]] = {}
    for row, labeller, created_at, undone in rows:
        name = names.get((row.attribute_id, row.code))
        entry = HistoryEntry(row.id, row.code, name, labeller, row.origin, created_at, bool(undone))
        history.setdefault(row.attribute_id, []).append(entry)
    return history


def _value_names(
    session: Session, active: ActiveSchema, cells: set[tuple[int, int | None]]
) -> dict[tuple[int, int | None], str]:
    """Find the names of values, people included."""
    names: dict[tuple[int, int | None], str] = {
        (active.ids[attribute.name], value.code): value.name
        for attribute in active.schema.attributes
        for value in attribute.values
    }
    for attribute_id, code in cells - names.keys():
        row = session.get(ValueRow, (attribute_id, code)) if code is not None else None
        if row is not None:
            names[attribute_id, code] = row.name
    return names


def _cell(
    active: ActiveSchema,
    name: str,
    history: list[HistoryEntry],
    annotation_id: int | None,
    suggestion: Suggestion | None,
    filled: FilledCell | None,
    suspicion: LabelIssue | None,
    undecided: bool,
    gold: bool,
) -> CellDetail:
    label = next((entry for entry in history if entry.id == annotation_id), None)
    decided = label is not None and label.origin == Origin.REVIEW
    differing = any(
        entry.origin == Origin.OPINION
        and not entry.undone
        and label is not None
        and _contradicts(active.schema[name], entry.code, label.code)
        and (not decided or (entry.id > label.id and not gold))
        for entry in history
    )
    if label is None or decided or suspicion is None or suspicion.code != label.code:
        suspicion = None
    contradicted = (
        label is not None
        and not decided
        and suggestion is not None
        and suggestion.code != label.code
        and suggestion.probability >= CONFIDENT
    )
    names = {value.code: value.name for value in active.schema[name].values}
    return CellDetail(
        attribute=name,
        label=label,
        suggestion=suggestion,
        suggested_name=names.get(suggestion.code) if suggestion else None,
        filled=filled,
        filled_name=names.get(filled.code) if filled else None,
        differing=differing,
        undecided=undecided and not decided,
        contradicted=contradicted or suspicion is not None,
        suspicion=suspicion,
        suspected_name=names.get(suspicion.suggested) if suspicion else None,
        history=history,
    )


def _contradicts(attribute: Attribute, opinion: int | None, label: int | None) -> bool:
    """Whether an opinion now means another value than the label. An opinion whose value was split contradicts nothing."""
    if opinion is None or attribute.kind == "open":
        return opinion != label
    return attribute.current(opinion) not in {label, None}
