"""How the labels are distributed over values and splits, and how imbalanced they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute
from annotator.models import Image, Label, Project
from annotator.services.common.cached_stats import Statistics
from annotator.services.common.counted import COUNTED
from annotator.services.rounds.status import label_state
from annotator.services.schema.active import active_schema

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ValueCount:
    """The images with one value, by split."""

    code: int
    name: str
    train: int
    val: int
    test: int

    @property
    def total(self) -> int:
        """The images with the value in all splits."""
        return self.train + self.val + self.test


@dataclass(frozen=True)
class Distribution:
    """The labels of one categorical attribute: images per value, and images whose label is "can't tell"."""

    values: list[ValueCount]
    unsure: int

    @property
    def labelled(self) -> int:
        """The labels that name a value."""
        return sum(value.total for value in self.values)

    @property
    def imbalance(self) -> float | None:
        """Images of the most frequent value per image of the rarest value that occurs; None if fewer than two values occur."""
        counts = sorted(value.total for value in self.values if value.total)
        return counts[-1] / counts[0] if len(counts) > 1 else None


def distributions(session: Session) -> dict[str, Distribution]:
    """The current distribution of every categorical attribute."""
    active = active_schema(session)
    query = (
        select(Label.attribute_id, Label.code, Image.split, func.count())
        .join(Image, Image.id == Label.image_id)
        .where(COUNTED)
        .group_by(Label.attribute_id, Label.code, Image.split)
    )
    counts: Counter[tuple[str, int | None, str]] = Counter()
    for attribute, code, split, images in session.execute(query):
        counts[active.names[attribute], code, split] = images
    return {a.name: _distribution(a, counts) for a in active.schema.attributes if a.kind == "categorical"}


def _state(session: Session) -> tuple[str | int | None, ...]:
    return (*label_state(session), session.scalars(select(Project.split_seed)).one())


DISTRIBUTIONS = Statistics("distributions", TypeAdapter(dict[str, Distribution]), _state, distributions)


def _distribution(attribute: Attribute, counts: Counter[tuple[str, int | None, str]]) -> Distribution:
    name = attribute.name
    values = [
        ValueCount(value.code, value.name, *(counts[name, value.code, split] for split in SPLITS))
        for value in attribute.values
        if value.status == "active" or any(counts[name, value.code, split] for split in SPLITS)
    ]
    return Distribution(values, sum(counts[name, None, split] for split in SPLITS))
