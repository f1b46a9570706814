"""Aggregate several opinions into one label, by majority or Dawid-Skene as the team has set; unclear cells go to review.

An aggregation is one submission, whose annotations have the origin "aggregate". The next aggregation undoes it first, so that
it always uses the answers of people and never those of an earlier aggregation.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.aggregation import majority_vote
from annotator.domain.agreement.ratings import Floats, Ratings
from annotator.domain.states import INDEPENDENT, JUDGED, Origin, SubmissionKind
from annotator.models import Annotation, Label, Labeller, Submission, Undecided
from annotator.project import ProjectFolder
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.undo import undo_submission
from annotator.services.common.bulk_read import Column, read_columns
from annotator.services.common.undone import is_undone
from annotator.services.common.votes import (
    CANNOT_TELL,
    Cell,
    Opinions,
    among,
    cell_keys,
    cells_of_keys,
    gold_answers,
    read_opinions,
)
from annotator.services.schema.active import active_schema
from annotator.services.tasks.labellers import fit_labellers
from annotator.services.tasks.settings import team_settings

AGGREGATION = "aggregation"
"""The name of the labeller whose submissions are the aggregations."""

SURE = 0.8
"""The probability of the leading value from which on Dawid-Skene decides a cell."""


_BATCH = 10_000


@dataclass(frozen=True)
class AggregationReport:
    """What an aggregation does, in cells.

    Args:
        method: majority or dawid_skene.
        cells: cells answered by several people and not decided by a reviewer.
        changed: cells whose label changes.
        undecided: cells that go to the review queue because no value leads clearly.
    """

    method: str
    cells: int
    changed: int
    undecided: int


@dataclass(frozen=True, eq=False)
class _Verdicts:
    """The results of an aggregation: columns of equal length, one row per cell.

    Args:
        cell: the key of the cell.
        code: the leading code.
        sure: its share or probability.
        clear: whether that decides the cell.
    """

    cell: Column
    code: Column
    sure: Floats
    clear: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> _Verdicts:
        """The chosen cells."""
        return _Verdicts(self.cell[chosen], self.code[chosen], self.sure[chosen], self.clear[chosen])


@dataclass(frozen=True, eq=False)
class _Standing:
    """The current labels: columns sorted by cell. `annotation`: the annotation that each label comes from."""

    cell: Column
    code: Column
    annotation: Column

    def differ(self, cell: Column, code: Column) -> NDArray[np.bool_]:
        """Which cells have no label, or a label other than the given code."""
        place = np.searchsorted(self.cell, cell)
        place[place == len(self.cell)] = 0
        if not len(self.cell):
            return np.ones(len(cell), bool)
        same: NDArray[np.bool_] = (self.cell[place] == cell) & (self.code[place] == code)
        return ~same


@dataclass(frozen=True)
class _Decisions:
    method: str
    decided: _Verdicts
    undecided: _Verdicts


def preview_aggregation(session: Session) -> AggregationReport:
    """What `aggregate` would change now."""
    return _report(session, _decide(session))


def aggregate(project: ProjectFolder, key: str | None = None) -> AggregationReport:
    """Set the labels of cells with several opinions by aggregating these. Without new opinions, a repetition changes nothing.

    Args:
        project: the project.
        key: idempotency key; a repeated key does not aggregate a second time.

    Raises:
        Conflict: if the key was used for something else.
    """
    key = key or f"aggregate:{secrets.token_hex(16)}"
    with project.database.read() as session:  # the computation must not block writers
        decisions = _decide(session)
    with project.database.write() as session:
        if _aggregator(session) is None:
            session.add(Labeller(name=AGGREGATION))
            session.flush()
        earlier = find_submission(session, key, "aggregate")
        report = _report(session, decisions)
        if earlier is not None:
            return replace(report, changed=len(_cells_of(session, earlier)))
        if report.changed:
            _write(session, key, decisions)
        session.execute(delete(Undecided))
        if report.undecided:
            session.execute(
                insert(Undecided),
                [
                    {"image_id": image, "attribute_id": attribute, "sureness": sureness}
                    for (image, attribute), sureness in zip(
                        cells_of_keys(decisions.undecided.cell),
                        decisions.undecided.sure.tolist(),
                        strict=True,
                    )
                ],
            )
        return report


def _decide(session: Session) -> _Decisions:
    """The answers to all cells with several opinions, except gold cells and cells that a reviewer decided."""
    method = team_settings(session).aggregation
    active = active_schema(session)
    gold = {cell_keys(*cell): code for cell, code in gold_answers(session).items()}
    opinions = read_opinions(session, JUDGED)
    shared = opinions.where(np.isin(opinions.attribute, list(active.names))).shared()
    shared = shared.where(~among(shared, gold))
    if method == "majority" or not len(shared):
        verdicts = _majority(shared)
    else:
        # Reviewers decided the gold answers, so these say nothing about how well reviewers answer.
        to_gold = read_opinions(session, INDEPENDENT) if gold else opinions
        to_gold = to_gold.where(among(to_gold, gold))
        # A model of which values somebody confuses needs values that recur often; people do not.
        each = [
            _majority(part)
            if active.schema[name].kind == "open"
            else _dawid_skene(part, to_gold.where(to_gold.attribute == number), gold)
            for number, name in active.names.items()
            if len(part := shared.where(shared.attribute == number))
        ]
        verdicts = _Verdicts(*(np.concatenate([astuple(v)[k] for v in each]) for k in range(4)))
    reviewed = np.isin(verdicts.cell, _labels_of_origin(session, Origin.REVIEW))
    verdicts = verdicts.where(~reviewed)
    return _Decisions(method, verdicts.where(verdicts.clear), verdicts.where(~verdicts.clear))


def _majority(shared: Opinions) -> _Verdicts:
    """Decide each cell by the answer of more than half of the people."""
    ratings = Ratings.columns(shared.keys, shared.labeller, shared.code)
    majority = majority_vote(ratings)
    return _Verdicts(
        _items(ratings), _codes(ratings)[majority.category], majority.share, majority.share > 0.5
    )


def _dawid_skene(shared: Opinions, to_gold: Opinions, gold: Mapping[int, int]) -> _Verdicts:
    """Decide each cell that has a sufficiently probable value, by Dawid and Skene's model of who confuses which values.

    Args:
        shared: the answers to cells with several opinions.
        to_gold: the answers to gold cells, which show more about who confuses which values.
        gold: the correct code by the key of a gold cell.
    """
    fit = fit_labellers(shared, to_gold, gold)
    sure = fit.posteriors.max(axis=1)
    leading = _codes(fit.ratings)[fit.posteriors.argmax(axis=1)]
    verdicts = _Verdicts(_items(fit.ratings), leading, sure, sure >= SURE)
    return verdicts.where(~np.isin(verdicts.cell, to_gold.keys))


def _items(ratings: Ratings) -> Column:
    return np.array(ratings.items, np.int64)


def _codes(ratings: Ratings) -> Column:
    return np.array([CANNOT_TELL if code is None else code for code in ratings.categories], np.int64)


def _standing(session: Session) -> _Standing:
    """Read all labels."""
    image, attribute, code, annotation = read_columns(
        session,
        Label.image_id,
        [Label.image_id, Label.attribute_id, func.coalesce(Label.code, CANNOT_TELL), Label.annotation_id],
    )
    cell = cell_keys(image, attribute)
    order = np.argsort(cell)
    return _Standing(cell[order], code[order], annotation[order])


def _labels_of_origin(session: Session, origin: Origin) -> Column:
    """The cells whose label has this origin."""
    [annotations] = read_columns(session, Annotation.id, [Annotation.id], Annotation.origin == origin)
    if not len(annotations):
        return annotations
    standing = _standing(session)
    return standing.cell[np.isin(standing.annotation, annotations)]


def _report(session: Session, decisions: _Decisions) -> AggregationReport:
    decided, undecided = decisions.decided, decisions.undecided
    changed = int(_standing(session).differ(decided.cell, decided.code).sum())
    # Cells that only the last aggregation decided get their earlier label back.
    changed += int((~np.isin(_labels_of_origin(session, Origin.AGGREGATE), decided.cell)).sum())
    return AggregationReport(
        decisions.method, len(decided.cell) + len(undecided.cell), changed, len(undecided.cell)
    )


def _write(session: Session, key: str, decisions: _Decisions) -> None:
    """Undo the last aggregation, then label every decided cell whose label differs."""
    last = _last(session)
    if last is not None:
        undo_submission(session, last, f"undo {key}", "aggregate")
    decided = decisions.decided
    reviewed = np.isin(decided.cell, _labels_of_origin(session, Origin.REVIEW))
    other = decided.where(_standing(session).differ(decided.cell, decided.code) & ~reviewed)
    active = active_schema(session)
    submission_id = add_submission(
        session,
        key=key,
        kind=SubmissionKind.AGGREGATE,
        fingerprint="aggregate",
        labeller_id=_aggregator(session),
        image_id=None,
    )
    order = np.argsort(other.cell)
    cells, codes = cells_of_keys(other.cell[order]), other.code[order].tolist()
    for place in range(0, len(cells), _BATCH):
        part = slice(place, place + _BATCH)
        answers = [
            (image, active.names[attribute], None if code == CANNOT_TELL else code, Origin.AGGREGATE)
            for (image, attribute), code in zip(cells[part], codes[part], strict=True)
        ]
        annotate_all(session, active, submission_id, answers)


def _last(session: Session) -> Submission | None:
    """The aggregation that counts now; None if there is none."""
    query = select(Submission).where(
        Submission.kind == SubmissionKind.AGGREGATE,
        Submission.labeller_id == _aggregator(session),
        ~is_undone(),
    )
    return session.scalar(query.order_by(Submission.id.desc()).limit(1))


def _cells_of(session: Session, submission: Submission) -> list[Cell]:
    query = select(Annotation.image_id, Annotation.attribute_id).where(
        Annotation.submission_id == submission.id
    )
    return [(image, attribute) for image, attribute in session.execute(query)]


def _aggregator(session: Session) -> int | None:
    return session.scalar(select(Labeller.id).where(Labeller.name == AGGREGATION))
