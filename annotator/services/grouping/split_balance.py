"""Balancing the splits of a project: what another seed would change, and using it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.domain.grouping.split_balance import Numbers, best_seed, rate_seeds
from annotator.domain.grouping.splits import AUDIT_IMAGES, Split, SplitRule
from annotator.domain.states import JobState, Origin
from annotator.errors import Conflict, FacelabelError
from annotator.models import Annotation, AttributeRow, Image, ImageGroup, Label, Predictions, Project, Round
from annotator.services.grouping.membership import follow_rule, split_rule
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.schema.active import active_schema

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Held:
    """What one split holds of a value."""

    images: int
    groups: int


@dataclass(frozen=True)
class Spread:
    """How a value is spread over the splits, now and with the other seed. The first row is all images: no attribute."""

    attribute: str
    value: str
    now: Mapping[Split, Held]
    then: Mapping[Split, Held]


@dataclass(frozen=True)
class SplitPlan:
    """What the seed that spreads the values best would change.

    Args:
        seed_now: the present seed.
        seed: the better one; the same if there is none.
        distance_now: see domain/grouping/split_balance; a random seed has 1 on average.
        distance: with the better one.
        values: by attribute in schema order and code.
        moved: images that would be in another split.
        models: rounds and predictions from elsewhere that were trained with the splits as they are.
        warnings: what is lost by it, in whole sentences.
    """

    seed_now: int
    seed: int
    distance_now: float
    distance: float
    values: list[Spread]
    moved: int
    models: int
    warnings: list[str]


@dataclass(frozen=True)
class _Counts:
    """Images of each group: (groups, columns), the first column counts all; `columns` names attribute and value."""

    groups: list[str]
    counts: Numbers
    columns: list[tuple[str, str]]


def plan_balance(session: Session) -> SplitPlan:
    """Look for a better seed; nothing is changed.

    Raises:
        FacelabelError: if nothing is labelled yet.
    """
    rule, found = split_rule(session), _count(session)
    better = SplitRule(best_seed(rule, found.groups, found.counts), rule.share_test, rule.share_val)
    before, after = _splits(rule, found.groups), _splits(better, found.groups)
    distance, _ = rate_seeds(rule, [rule.seed, better.seed], found.groups, found.counts)
    moved = before != after
    models = _models(session)
    warnings = []
    if moved.any():
        entering = {g for g, m, to in zip(found.groups, moved, after, strict=True) if m and to == "test"}
        leaving = {g for g, m, was in zip(found.groups, moved, before, strict=True) if m and was == "test"}
        warnings = _warnings(session, models, entering, leaving)
    return SplitPlan(
        rule.seed,
        better.seed,
        float(distance[0]),
        float(distance[1]),
        [
            Spread(attribute, value, _held(found.counts[:, place], before), _held(found.counts[:, place], after))
            for place, (attribute, value) in enumerate(found.columns)
        ],
        int(found.counts[moved, 0].sum()),
        models,
        warnings,
    )  # fmt: skip


def balance_splits(session: Session, seed: int, *, instead_of: int, even_so: bool = False) -> int:
    """Put the seed of a plan in force; returns how many images moved. Once more changes nothing.

    Args:
        session: a session that writes.
        seed: of the plan.
        instead_of: the seed that was in force when it was made.
        even_so: also if models were trained with the splits as they are.

    Raises:
        Conflict: if another seed became active, or labels because of which this one is no better.
        FacelabelError: if models were trained, or nothing is labelled.
    """
    project = session.scalars(select(Project)).one()
    if project.split_seed == seed:
        return 0
    if project.split_seed != instead_of:
        raise Conflict(
            "seed_changed", "The splits were changed meanwhile.", do="Look at the splits again, then decide."
        )
    if _models(session) and not even_so:
        raise FacelabelError(
            "models_exist",
            "Models were trained with the splits as they are: images that they learned from would become audit images.",
            do="Balance the splits before the first round; or do it even so (--even-so): these models then keep the figures of "
            "their own time, and only rounds that start afterwards are measured on the new audit set.",
        )
    settle_groups(session)
    rule, found = split_rule(session), _count(session)
    distance, test_images = rate_seeds(rule, [rule.seed, seed], found.groups, found.counts)
    if distance[1] > distance[0] or test_images[1] < min(AUDIT_IMAGES, test_images[0]):
        raise Conflict(
            "not_better",
            f"With the images and labels as they are now, seed {seed} spreads them no better than {rule.seed}.",
            do="Look at the splits again, then decide.",
        )
    project.split_seed = seed
    return follow_rule(session)


def _count(session: Session) -> _Counts:
    """Attributes that make groups are left out: all images of one of their values are in one split anyway."""
    sizes = dict(session.execute(select(ImageGroup.key, ImageGroup.images).order_by(ImageGroup.key)).all())
    place = {group: row for row, group in enumerate(sizes)}
    codes = (
        select(Label.attribute_id, Label.code)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(AttributeRow.kind == "categorical", ~AttributeRow.groups, Label.code.is_not(None))
    )
    active = active_schema(session)
    occur = {(active.names[attribute], code) for attribute, code in session.execute(codes.distinct())}
    if not occur:
        raise FacelabelError(
            "nothing_labelled",
            "Nothing is labelled yet that the splits could be balanced by.",
            do="Label images, or import labels, and try again.",
        )
    values = [(a.name, v) for a in active.schema.attributes for v in a.values if (a.name, v.code) in occur]
    column = {(active.ids[name], value.code): number for number, (name, value) in enumerate(values, start=1)}
    counts = np.zeros((len(sizes), 1 + len(column)), dtype=np.int32)
    counts[:, 0] = list(sizes.values())
    held = codes.add_columns(Image.group, func.count()).join(Image, Image.id == Label.image_id)
    for attribute, code, group, images in session.execute(
        held.group_by(Image.group, Label.attribute_id, Label.code)
    ):
        counts[place[group], column[attribute, code or 0]] = images
    return _Counts(list(sizes), counts, [("", "all images"), *((name, v.name) for name, v in values)])


def _splits(rule: SplitRule, groups: list[str]) -> np.ndarray:
    return np.asarray([rule.split_of(group) for group in groups])


def _held(images: Numbers, splits: np.ndarray) -> dict[Split, Held]:
    return {
        split: Held(int(images[splits == split].sum()), int((images[splits == split] > 0).sum()))
        for split in SPLITS
    }


def _models(session: Session) -> int:
    """Rounds that have not failed, and predictions that came from elsewhere."""
    rounds = select(func.count()).select_from(Round).where(Round.state != JobState.FAILED)
    brought = select(func.count()).select_from(Predictions).where(Predictions.round_id.is_(None))
    return (session.scalar(rounds) or 0) + (session.scalar(brought) or 0)


def _warnings(session: Session, models: int, entering: set[str], leaving: set[str]) -> list[str]:
    told = []
    if models:
        told.append(
            f"Models were trained with the splits as they are ({models} of them). Images that they learned from would become "
            "audit images: these models are then measured no more and keep the figures of their own time, which cannot be "
            "compared with those of later rounds. What was labelled in the order of their doubts and becomes an audit image is "
            "harder than the average. Start a round afterwards."
        )
    if lost := _answered_in(session, leaving, suggested=False):
        told.append(
            f"{lost} labelled images would leave the audit set. Their labels stay and are then trained on."
        )
    if seen := _answered_in(session, entering, suggested=True):
        told.append(
            f"{seen} images would enter the audit set that were answered with a suggestion in sight: these answers are "
            "not blind."
        )
    return told


def _answered_in(session: Session, groups: set[str], *, suggested: bool) -> int:
    """How many images of these groups have an answer; `suggested`: one that was given with a suggestion shown."""
    shown = or_(Annotation.origin == Origin.SUGGESTION, Annotation.corrected)
    answer = (
        exists().where(Annotation.image_id == Image.id, shown)
        if suggested
        else exists().where(Label.image_id == Image.id)
    )
    counted = session.execute(select(Image.group, func.count()).where(answer).group_by(Image.group))
    return sum(images for group, images in counted if group in groups)
