"""How each labeller errs in each attribute: estimated by Dawid-Skene at intervals and kept, so that no request needs EM.

The worker estimates (`LabellerEstimates`) and stores the models like other statistics. An answer to an overlapped image then
gets the posterior of its cells from the kept models (overlap.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.dawid_skene import DawidSkene, dawid_skene
from annotator.domain.agreement.posterior import LabellerModel
from annotator.domain.agreement.ratings import Code, Item, Ratings
from annotator.domain.states import INDEPENDENT
from annotator.models import Gold, Project, StoredStatistics, Submission, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.counted import counted_state
from annotator.services.common.votes import (
    CANNOT_TELL,
    Opinions,
    among,
    cell_keys,
    gold_answers,
    read_opinions,
)
from annotator.services.schema.active import active_schema

Models = Mapping[int, LabellerModel]
"""By attribute id; attributes that are not measured well enough, and open ones, are missing."""

ENOUGH = 50
"""Cells with several answers that an attribute needs before its labellers are measured."""
GROWTH = 0.05
"""The models are estimated again when there are so many more submissions, in proportion."""
_NEW = 25  # submissions, at least
_NAME = "labellers"
_KEPT = CacheKind[str, tuple[object, Models]](size=1)


def fit_labellers(shared: Opinions, to_gold: Opinions, gold: Mapping[int, int]) -> DawidSkene:
    """Estimate how the labellers of one attribute err.

    Args:
        shared: the answers to cells with several opinions, without gold cells.
        to_gold: the answers to gold cells.
        gold: the correct code by the key of a gold cell.
    """
    ratings = Ratings.columns(
        np.concatenate([shared.keys, to_gold.keys]),
        np.concatenate([shared.labeller, to_gold.labeller]),
        np.concatenate([shared.code, to_gold.code]),
    )
    truth: dict[Item, Code] = {cell: None if code == CANNOT_TELL else code for cell, code in gold.items()}
    return dawid_skene(ratings, known=truth)


def estimate_models(session: Session, opinions: Opinions | None = None) -> dict[int, LabellerModel]:
    """Estimate the models of all attributes from the answers as they are now.

    Args:
        session: a session.
        opinions: the independent answers, if the caller has read them.
    """
    active, models = active_schema(session), dict[int, LabellerModel]()
    if opinions is None:
        opinions = read_opinions(session, INDEPENDENT)
    gold = {cell_keys(*cell): code for cell, code in gold_answers(session).items()}
    is_gold = among(opinions, gold)
    shared, to_gold = opinions.where(~is_gold).shared(), opinions.where(is_gold)
    for number, name in active.names.items():
        attribute = active.schema[name]
        if attribute.kind == "open":  # values that hardly recur say nothing about who confuses which
            continue
        mine, known = shared.where(shared.attribute == number), to_gold.where(to_gold.attribute == number)
        if len(np.unique(mine.image)) + len(np.unique(known.image)) >= ENOUGH:
            codes = [*(v.code for v in attribute.values if not v.replaced_by), None]
            models[number] = LabellerModel.of(fit_labellers(mine, known, gold), codes)
    return models


def kept_models(session: Session) -> Models:
    """The models that the worker estimated last; empty before the first time. One small query if they are cached."""
    estimated_at = session.scalar(select(StoredStatistics.counted_at).where(StoredStatistics.name == _NAME))
    if estimated_at is None:
        return {}
    cache = project_cache(session)
    cached = cache.get(_KEPT, _NAME)
    if cached is None or cached[0] != estimated_at:
        row = session.get_one(StoredStatistics, _NAME)
        cached = (estimated_at, {int(number): _from_json(entry) for number, entry in row.value.items()})
        cache.put(_KEPT, _NAME, cached)
    return cached[1]


def renew_models(project: ProjectFolder) -> bool:
    """Estimate the models again if there are enough new answers, or the schema, gold or images changed. Returns whether it did."""
    with project.database.read() as session:
        state, stored = _state(session), session.get(StoredStatistics, _NAME)
        if stored is not None and _is_current(stored.state, state):
            return False
        value = {str(number): _as_json(model) for number, model in estimate_models(session).items()}
    with project.database.write() as session:
        session.merge(StoredStatistics(name=_NAME, state=state, value=value, counted_at=now()))
    return True


def _state(session: Session) -> list[int | bool | str | None]:
    """The number of submissions, and what makes the models be estimated again when it changes."""
    return [
        session.scalar(select(func.max(Submission.id))) or 0,
        session.scalar(select(Project.schema_version)),
        *session.execute(select(func.max(Gold.id), func.count(Gold.id))).one(),
        counted_state(session),
    ]


def _is_current(stored: list[int | bool | str | None], state: list[int | bool | str | None]) -> bool:
    before, submissions = int(stored[0] or 0), int(state[0] or 0)
    return stored[1:] == state[1:] and submissions < before + max(_NEW, GROWTH * before)


def _as_json(model: LabellerModel) -> dict[str, Any]:
    return asdict(model) | {"prior": model.prior.tolist(), "confusions": model.confusions.tolist()}


def _from_json(entry: dict[str, Any]) -> LabellerModel:
    return LabellerModel(
        tuple(entry["codes"]),
        np.array(entry["prior"]),
        tuple(entry["raters"]),
        np.array(entry["confusions"]),
        entry["items"],
    )
