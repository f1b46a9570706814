"""One label from several opinions: by majority or Dawid-Skene, as the team agreed; what stays unclear goes to review.

An aggregation is one submission of its own, whose annotations have the origin "aggregate". The next one takes it back
first, so that it always follows from what people said, and never from an earlier aggregation.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.aggregation import majority_vote
from annotator.domain.dawid_skene import dawid_skene
from annotator.domain.ratings import Ratings
from annotator.models import Annotation, Label, Labeller, Submission, Undecided
from annotator.project import ProjectFolder
from annotator.services.annotations import add_submission, annotate_all, find_submission
from annotator.services.opinions import CANNOT_TELL, Cell, Opinions, read_opinions
from annotator.services.overlap import INDEPENDENT
from annotator.services.schema_in_force import schema_in_force
from annotator.services.taking_back import take_back
from annotator.services.team_settings import team_settings

AGGREGATION = "aggregation"
"""The labeller in whose name labels are aggregated."""

SURE = 0.8
"""Dawid-Skene decides a cell if its leading value is at least so probable."""


_BATCH = 10_000


@dataclass(frozen=True)
class AggregationReport:
    """What an aggregation does, in cells.

    Args:
        method: majority or dawid_skene.
        cells: answered by several people and not decided by a reviewer.
        changed: whose label changes.
        undecided: that go to the review queue, because no value leads clearly.
    """

    method: str
    cells: int
    changed: int
    undecided: int


@dataclass(frozen=True)
class _Decisions:
    method: str
    codes: dict[Cell, int | None]
    undecided: dict[Cell, float]


def preview_aggregation(session: Session) -> AggregationReport:
    """What `aggregate` would do now."""
    return _report(session, _decide(session))


def aggregate(project: ProjectFolder, key: str | None = None) -> AggregationReport:
    """Let the labels of cells with several opinions follow from these. Again, without new opinions, changes nothing.

    Args:
        project: the project.
        key: idempotency key; a repetition aggregates no second time.

    Raises:
        Conflict: if the key was used for something else.
    """
    key = key or f"aggregate:{secrets.token_hex(16)}"
    with project.database.read() as session:  # the reckoning must not hold up writers
        decisions = _decide(session)
    with project.database.write() as session:
        if _aggregator(session) is None:
            session.add(Labeller(name=AGGREGATION))
            session.flush()
        known = find_submission(session, key, "aggregate")
        report = _report(session, decisions)
        if known is not None:
            return replace(report, changed=len(_cells_of(session, known)))
        if report.changed:
            _write(session, key, decisions)
        session.execute(delete(Undecided))
        if decisions.undecided:
            session.execute(
                insert(Undecided),
                [
                    {"image_id": image, "attribute_id": attribute, "sureness": sureness}
                    for (image, attribute), sureness in decisions.undecided.items()
                ],
            )
        return report


def _decide(session: Session) -> _Decisions:
    """Every cell with several opinions that no reviewer decided: its answer, or how unsure it is."""
    method = team_settings(session).aggregation
    force = schema_in_force(session)
    said_of = _by_attribute(read_opinions(session, (*INDEPENDENT, "review")))
    standing = _standing(session, {image for said in said_of.values() for image in said})
    reviewed = {cell for cell, label in standing.items() if label.origin == "review"}
    codes: dict[Cell, int | None] = {}
    undecided: dict[Cell, float] = {}
    for attribute, said in said_of.items():
        if attribute not in force.names:
            continue
        open_values = force.schema[force.names[attribute]].kind == "open"
        sureness = _majority(said) if method == "majority" or open_values else _probable(said)
        for image, (code, sure, clear) in sureness.items():
            cell = (image, attribute)
            if cell in reviewed:
                continue
            if clear:
                codes[cell] = code
            else:
                undecided[cell] = sure
    return _Decisions(method, codes, undecided)


@dataclass(frozen=True)
class _Standing:
    code: int | None
    origin: str


_Verdict = tuple[int | None, float, bool]
"""The leading code, its share or probability, and whether that decides the cell."""


def _majority(said: dict[int, dict[int, int | None]]) -> dict[int, _Verdict]:
    """More than half of the people decide."""
    decision = majority_vote(_ratings(said))
    found: dict[int, _Verdict] = {}
    for image, answers in said.items():
        code, votes = Counter(answers.values()).most_common(1)[0]
        share = votes / len(answers)
        found[image] = (decision.labels.get(image, code), share, image in decision.labels and share > 0.5)
    return found


def _probable(said: dict[int, dict[int, int | None]]) -> dict[int, _Verdict]:
    """A sufficiently probable value decides, by Dawid and Skene's model of who confuses what."""
    ratings = _ratings(said)
    found = dawid_skene(ratings)
    best = found.posteriors.argmax(axis=1)
    sure = found.posteriors.max(axis=1)
    return {
        int(image): (ratings.categories[category], float(probability), bool(probability >= SURE))
        for image, category, probability in zip(ratings.items, best, sure, strict=True)
    }


def _ratings(said: dict[int, dict[int, int | None]]) -> Ratings:
    triples = [
        (image, labeller, code) for image, answers in said.items() for labeller, code in answers.items()
    ]
    return Ratings.read(triples, cannot_tell=True)


def _by_attribute(said: Opinions) -> dict[int, dict[int, dict[int, int | None]]]:
    """Attribute, image, labeller: the code, where there are several."""
    found: dict[int, dict[int, dict[int, int | None]]] = defaultdict(lambda: defaultdict(dict))
    shared = said.shared()
    columns = (shared.attribute, shared.image, shared.labeller, shared.code)
    for attribute, image, labeller, code in zip(*(column.tolist() for column in columns), strict=True):
        found[attribute][image][labeller] = None if code == CANNOT_TELL else code
    return found


def _standing(session: Session, images: set[int]) -> dict[Cell, _Standing]:
    """The labels of images, with their origins."""
    found: dict[Cell, _Standing] = {}
    numbers = sorted(images)
    for place in range(0, len(numbers), _BATCH):
        query = (
            select(Label.image_id, Label.attribute_id, Label.code, Annotation.origin)
            .join(Annotation, Annotation.id == Label.annotation_id)
            .where(Label.image_id.in_(numbers[place : place + _BATCH]))
        )
        for image, attribute, code, origin in session.execute(query):
            found[image, attribute] = _Standing(code, origin)
    return found


def _report(session: Session, decisions: _Decisions) -> AggregationReport:
    codes, undecided = decisions.codes, decisions.undecided
    last = _last(session)
    merged = set(_cells_of(session, last)) if last else set()
    standing = _standing(session, {image for image, _ in (*codes, *merged)})
    changed = sum(cell not in standing or standing[cell].code != code for cell, code in codes.items())
    changed += sum(
        cell in standing and standing[cell].origin == "aggregate" for cell in merged - codes.keys()
    )
    return AggregationReport(decisions.method, len(codes) + len(undecided), changed, len(undecided))


def _write(session: Session, key: str, decisions: _Decisions) -> None:
    """Take the last aggregation back, then label every decided cell whose label is another one."""
    last = _last(session)
    if last is not None:
        take_back(session, last, f"undo {key}", "aggregate")
    standing = _standing(session, {image for image, _ in decisions.codes})
    other = {
        cell: code
        for cell, code in decisions.codes.items()
        if cell not in standing or (standing[cell].code != code and standing[cell].origin != "review")
    }
    force = schema_in_force(session)
    submission_id = add_submission(
        session,
        key=key,
        kind="aggregate",
        fingerprint="aggregate",
        labeller_id=_aggregator(session),
        image_id=None,
    )
    cells = sorted(other)
    for place in range(0, len(cells), _BATCH):
        some = cells[place : place + _BATCH]
        answers = [
            (image, force.names[attribute], other[image, attribute], "aggregate") for image, attribute in some
        ]
        annotate_all(session, force, submission_id, answers)


def _last(session: Session) -> Submission | None:
    """The aggregation that counts now."""
    later = aliased(Submission)
    query = select(Submission).where(
        Submission.kind == "aggregate",
        Submission.labeller_id == _aggregator(session),
        ~exists().where(later.undoes == Submission.id),
    )
    return session.scalar(query.order_by(Submission.id.desc()).limit(1))


def _cells_of(session: Session, submission: Submission) -> list[Cell]:
    query = select(Annotation.image_id, Annotation.attribute_id).where(
        Annotation.submission_id == submission.id
    )
    return [(image, attribute) for image, attribute in session.execute(query)]


def _aggregator(session: Session) -> int | None:
    return session.scalar(select(Labeller.id).where(Labeller.name == AGGREGATION))
