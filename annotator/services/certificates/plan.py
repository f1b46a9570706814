"""What could be filled: per attribute and target, how many cells after how many blind answers, or why none.

The command computes it when it is called. Pages read what the worker computed last, so that no request has to.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.certificates.people import PeopleErrors
from annotator.domain.certificates.plan import Shortfall, plan
from annotator.domain.certificates.target import Target
from annotator.domain.schema import Attribute
from annotator.models import Certificate, Project
from annotator.project import ProjectFolder
from annotator.services.certificates.basis import Basis, read_basis
from annotator.services.certificates.pace import Pace, read_pace
from annotator.services.certificates.people import AnswerNoise
from annotator.services.certificates.words import PlanWords
from annotator.services.common.cached_stats import Statistics, read_statistics
from annotator.services.predictions.active import read_sources, suggestions_version
from annotator.services.rounds.status import label_state
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute

ERRORS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
"""The target errors that the page offers."""

RECALLS: tuple[float | None, ...] = (0.95, 0.9, None)
"""The target recalls that the page offers; None: no promise."""

LEAST_SHARE = 0.1
"""Of the open cells, the share that must be filled at least for a plan to be offered: for less, labelling on is the better advice."""

TARGETS = tuple(Target(error, recall) for recall in RECALLS for error in ERRORS)

MANY = 200_000
"""The number of images from which the page offers fewer targets: of a million, one target of one attribute takes 1 to 7 seconds."""

FEW_TARGETS = tuple(Target(error, recall) for recall in (0.95, None) for error in (0.01, 0.02, 0.05))


@dataclass(frozen=True)
class TargetPlan:
    """What is possible for one attribute at one target.

    Args:
        error: the target error.
        recall: the target recall; None without one.
        possible: whether an acceptance sample pays.
        cells: how many cells are filled if the sample is good enough; 0 if no sample would do.
        answers: the size of the sample; if none would do, how many blind answers it would need; None: no number is enough.
        seconds: how long the answers take a person; None if that is unknown.
        saved: seconds of a person that are saved, as expected; 0 if none are.
        chance: of something being filled; None if no sample was weighed.
        sentence: all this in words.
        warning: what people's own errors mean for this target, in a sentence; empty if they leave room, or were not measured.
    """

    error: float
    recall: float | None
    possible: bool
    cells: int
    answers: int | None
    seconds: float | None
    saved: float
    chance: float | None
    sentence: str
    warning: str = ""


@dataclass(frozen=True)
class AttributePlans:
    """The plans of one attribute. `open`: its cells that a model answers and nobody has; `attempt`: that of the next certificate."""

    attribute: str
    title: str
    open: int
    attempt: int
    plans: list[TargetPlan]


@dataclass(frozen=True)
class Plans:
    """The plans of all attributes that a model answers.

    Args:
        attributes: those that are planned so far.
        missing: why there are none, in a sentence.
        planned: the number of plans that are made.
        expected: the number of plans that there will be.
    """

    attributes: list[AttributePlans] = field(default_factory=list)
    missing: str = ""
    planned: int = 0
    expected: int = 0


def plan_attributes(
    project: ProjectFolder,
    session: Session,
    targets: Sequence[Target],
    names: Sequence[str] | None = None,
) -> Plans:
    """Compute plans now; 0.02 seconds for each target and attribute with 2,000 images, a few seconds with a million open cells.

    Args:
        project: the project.
        session: a session that only reads.
        targets: the targets.
        names: the attributes; None: all that a model answers.

    Raises:
        FacelabelError: if there is no such attribute, its answers are names, or no model answers it.
    """
    *_, plans = plan_in_steps(project, session, targets, names)
    return plans


def plan_in_steps(
    project: ProjectFolder,
    session: Session,
    targets: Sequence[Target],
    names: Sequence[str] | None = None,
) -> Iterator[Plans]:
    """Compute plans as `plan_attributes` does; yield those that are made after each one."""
    active = active_schema(session)
    if names is None:
        names = _answered(project, session, active)
        if not names:
            yield Plans(
                missing="No model has answered the open images yet: label images until the first round is done."
            )
            return
    pace, noise = read_pace(session), AnswerNoise(session, active)
    done: list[AttributePlans] = []
    expected = len(names) * len(targets)
    yield Plans(expected=expected)
    for name in names:
        attribute = _attribute(active, name)
        basis = read_basis(project, session, attribute.name)
        people = noise.of(attribute.name)
        plans: list[TargetPlan] = []
        for target in targets:
            plans.append(_target_plan(attribute, basis, target, pace, people))
            of_attribute = AttributePlans(
                attribute.name, attribute.title, len(basis.open_), basis.attempt, list(plans)
            )
            yield Plans([*done, of_attribute], "", len(done) * len(targets) + len(plans), expected)
        done.append(of_attribute)


def _answered(project: ProjectFolder, session: Session, active: ActiveSchema) -> list[str]:
    """The attributes that a model answers, in the order of the schema."""
    sources = read_sources(project, session, active.hash)
    usable = {name for name, source in sources.items() if source.file.is_usable()}
    return [
        each.name for each in active.schema.attributes if each.name in usable and each.kind == "categorical"
    ]


def _attribute(active: ActiveSchema, name: str) -> Attribute:
    current = active.current_name(name)
    if current not in active.ids:
        raise unknown_attribute(active.schema, name)
    return active.schema[current]


def _target_plan(
    attribute: Attribute, basis: Basis, target: Target, pace: Pace, people: PeopleErrors | None
) -> TargetPlan:
    result = plan(
        basis.checked,
        basis.open_,
        basis.labelled_counts,
        basis.images,
        target,
        basis.attempt,
        pace.seconds,
        basis.allowance,
    )
    open_cells = len(basis.open_)
    warning = people.warning(target.error) if people else ""
    if isinstance(result, Shortfall):
        sentence = result.sentence(attribute.title, basis.names)
        return TargetPlan(
            target.error,
            target.recall,
            False,
            0,
            result.needed,
            None,
            0.0,
            result.chance,
            sentence,
            warning,
        )
    cells, seconds = result.filled_if_passed, result.sample * pace.blind
    words = PlanWords(attribute.title, target.error, cells, open_cells, result.sample, seconds, result.chance)
    possible = cells >= LEAST_SHARE * open_cells
    return TargetPlan(
        target.error,
        target.recall,
        possible,
        cells,
        result.sample,
        seconds,
        60 * result.minutes_saved,
        result.chance,
        words.offer() if possible else words.too_few(),
        warning,
    )


def plans_statistics(project: ProjectFolder) -> Statistics[Plans]:
    """The plans for all targets of the page; the worker computes them for projects of every size."""
    return Statistics(
        "certificate plans",
        TypeAdapter(Plans),
        _state,
        lambda session: plan_attributes(project, session, _offered(session)),
        by_worker=True,
        steps=lambda session: plan_in_steps(project, session, _offered(session)),
    )


def _offered(session: Session) -> tuple[Target, ...]:
    images = session.scalars(select(Project.image_count)).one()
    return FEW_TARGETS if images >= MANY else TARGETS


def _state(session: Session) -> tuple[Hashable, ...]:
    certificates = session.execute(
        select(Certificate.state, func.count()).group_by(Certificate.state).order_by(Certificate.state)
    )
    version = suggestions_version(session, active_schema(session).hash)
    return (*label_state(session), version, *(f"{state} {number}" for state, number in certificates))


def read_plans(project: ProjectFolder, session: Session) -> tuple[Plans, datetime | None]:
    """The plans for all targets of the page, and when the worker computed them; None if it has not yet."""
    stored = read_statistics(session, plans_statistics(project))
    if stored.value is None:
        return Plans(
            missing="The worker has not computed the plans yet. This page shows them as soon as it has."
        ), None
    ids = active_schema(session).ids
    known = [each for each in stored.value.attributes if each.attribute in ids]
    return replace(stored.value, attributes=known), stored.counted_at
