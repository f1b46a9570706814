"""Balancing the splits of a project: what another seed would change, and applying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.domain.grouping.split_balance import Numbers, best_seed, rate_seeds
from annotator.domain.grouping.splits import AUDIT_IMAGES, Split, SplitRule
from annotator.domain.plurals import counted
from annotator.domain.states import JobState, Origin
from annotator.errors import Conflict, FacelabelError
from annotator.models import Annotation, AttributeRow, Image, ImageGroup, Label, Predictions, Project, Round
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.grouping.membership import follow_rule, split_rule
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.schema.active import active_schema

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Held:
    """The images and groups of one split that have a value."""

    images: int
    groups: int


@dataclass(frozen=True)
class Spread:
    """How a value is spread over the splits, now and with the other seed. The first row, without an attribute, is all images."""

    attribute: str
    value: str
    now: Mapping[Split, Held]
    then: Mapping[Split, Held]


@dataclass(frozen=True)
class SplitPlan:
    """What would change with the seed that spreads the values best.

    Args:
        seed_now: the present seed.
        seed: the better seed; the present one if no other is better.
        distance_now: the imbalance with the present seed (domain/grouping/split_balance); a random seed has 1 on average.
        distance: the imbalance with the better seed.
        values: the values by attribute in schema order and code.
        moved: the number of images that would be in another split.
        models: the number of rounds and imported predictions that were trained with the present splits.
        warnings: what the change would lose, in whole sentences.
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
    """(groups, columns) numbers of images: of all in the first column, of one value in each other; `columns` names them."""

    groups: list[str]
    counts: Numbers
    columns: list[tuple[str, str]]


def plan_balance(session: Session) -> SplitPlan:
    """Look for a better seed, and change nothing.

    Raises:
        FacelabelError: if nothing is labelled.
    """
    rule, table = split_rule(session), _count(session)
    better = SplitRule(best_seed(rule, table.groups, table.counts), rule.share_test, rule.share_val)
    before, after = _splits(rule, table.groups), _splits(better, table.groups)
    distance, _ = rate_seeds(rule, [rule.seed, better.seed], table.groups, table.counts)
    moved = before != after
    models = _models(session)
    warnings = []
    if moved.any():
        entering = {g for g, m, to in zip(table.groups, moved, after, strict=True) if m and to == "test"}
        leaving = {g for g, m, was in zip(table.groups, moved, before, strict=True) if m and was == "test"}
        warnings = _warnings(session, models, entering, leaving)
    return SplitPlan(
        rule.seed,
        better.seed,
        float(distance[0]),
        float(distance[1]),
        [
            Spread(attribute, value, _held(table.counts[:, place], before), _held(table.counts[:, place], after))
            for place, (attribute, value) in enumerate(table.columns)
        ],
        int(table.counts[moved, 0].sum()),
        models,
        warnings,
    )  # fmt: skip


def balance_splits(session: Session, seed: int, *, instead_of: int, even_so: bool = False) -> int:
    """Apply the seed of a plan and return the number of images that moved; applying it again changes nothing.

    Args:
        session: a session that writes.
        seed: the seed of the plan.
        instead_of: the seed that was active when the plan was made.
        even_so: apply it although models were trained with the present splits.

    Raises:
        Conflict: if another seed has become active, or new images or labels make this seed no better than the active one.
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
            "Models were trained with the present splits: images that they learned from would become audit images.",
            do="Balance the splits before the first round, or split anyway (--even-so): these models then keep their present metrics, "
            "and only rounds that start afterwards are measured on the new audit set.",
        )
    settle_groups(session)
    rule, table = split_rule(session), _count(session)
    distance, test_images = rate_seeds(rule, [rule.seed, seed], table.groups, table.counts)
    if distance[1] > distance[0] or test_images[1] < min(AUDIT_IMAGES, test_images[0]):
        raise Conflict(
            "not_better",
            f"With the images and labels as they are now, seed {seed} spreads them no better than {rule.seed}.",
            do="Look at the splits again, then decide.",
        )
    project.split_seed = seed
    return follow_rule(session)


def _count(session: Session) -> _Counts:
    """Count images by group and value. Attributes that form groups are left out: each of their values is in one split."""
    sizes = dict(session.execute(select(ImageGroup.key, ImageGroup.images).order_by(ImageGroup.key)).all())
    place = {group: row for row, group in enumerate(sizes)}
    codes = (
        select(Label.attribute_id, Label.code)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(AttributeRow.kind == "categorical", ~AttributeRow.groups, Label.code.is_not(None))
    )
    active = active_schema(session)
    occur = {
        (active.names[attribute], code)
        for attribute, code in session.execute(codes.where(of_counted_image(Label.image_id)).distinct())
    }
    if not occur:
        raise FacelabelError(
            "nothing_labelled",
            "There is no label by which the splits could be balanced.",
            do="Label images, or import labels, and try again.",
        )
    values = [(a.name, v) for a in active.schema.attributes for v in a.values if (a.name, v.code) in occur]
    column = {(active.ids[name], value.code): number for number, (name, value) in enumerate(values, start=1)}
    counts = np.zeros((len(sizes), 1 + len(column)), dtype=np.int32)
    counts[:, 0] = list(sizes.values())
    held = codes.add_columns(Image.group, func.count()).join(Image, (Image.id == Label.image_id) & COUNTED)
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
    """The number of rounds that have not failed and of predictions from elsewhere."""
    rounds = select(func.count()).select_from(Round).where(Round.state != JobState.FAILED)
    brought = select(func.count()).select_from(Predictions).where(Predictions.round_id.is_(None))
    return (session.scalar(rounds) or 0) + (session.scalar(brought) or 0)


def _warnings(session: Session, models: int, entering: set[str], leaving: set[str]) -> list[str]:
    warnings = []
    if models:
        warnings.append(
            f"Models were trained with the present splits: {models}. Images that they learned from would become audit images. "
            "These models are then not measured again and keep their present metrics, which cannot be compared with those of "
            "later rounds. Images that were labelled because a model was uncertain are harder than the average, and some would "
            "become audit images. Start a round afterwards."
        )
    if lost := _answered_in(session, leaving, suggested=False):
        warnings.append(
            f"{counted(lost, 'labelled image', 'labelled images')} would leave the audit set. Labels stay, and are then used for training."
        )
    if seen := _answered_in(session, entering, suggested=True):
        warnings.append(
            f"{counted(seen, 'image', 'images')} answered with a suggestion in sight would enter the audit set. Such answers are not blind."
        )
    return warnings


def _answered_in(session: Session, groups: set[str], *, suggested: bool) -> int:
    """The number of images of some groups that have a label, or if `suggested` an answer to a shown suggestion."""
    shown = or_(Annotation.origin == Origin.SUGGESTION, Annotation.corrected)
    answer = (
        exists().where(Annotation.image_id == Image.id, shown)
        if suggested
        else exists().where(Label.image_id == Image.id)
    )
    counted = session.execute(select(Image.group, func.count()).where(COUNTED, answer).group_by(Image.group))
    return sum(images for group, images in counted if group in groups)
