"""Every finished round, measured on today's audit labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured, confusion
from annotator.domain.metrics.statistics import Calibration, balanced_answers, calibration
from annotator.errors import FacelabelError
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.grouping.membership import split_rule
from annotator.services.rounds.audit_set import Answers, AuditSet, answers_of, measure_answers, read_audit_set
from annotator.services.rounds.promotion import round_in_use
from annotator.services.schema.active import ActiveSchema

MOST_ROUNDS = 40
"""Rounds that a curve is drawn through; of more, some are left out evenly."""

_COMPARED = 5000
"""Images, drawn at random, on which the answers of two rounds are compared."""


@dataclass(frozen=True)
class MeasuredRound:
    """One round: what it learned from, and how good it is by attribute.

    Args:
        id: its number.
        finished_at: when its predictions came.
        labelled: images that were done when it began.
        labels: answers of each attribute that it was given (all splits; can't tell is none).
        measured: by attribute.
    """

    id: int
    finished_at: datetime
    labelled: int
    labels: Mapping[str, int]
    measured: Mapping[str, Measured]


@dataclass(frozen=True)
class RoundsOnAudit:
    """The rounds in the order of time, and more about two of them.

    Args:
        rounds: not all if there are many, but the newest ones and the one in use.
        in_use: the round that queue and suggestions come from.
        confusion: attribute → right value (row) and class-balanced answer (column) of the round in use.
        calibration: attribute → of the round in use.
        changed: attribute → share of images to which the newest two rounds give different answers.
    """

    rounds: list[MeasuredRound]
    in_use: int | None
    confusion: Mapping[str, list[list[int]]]
    calibration: Mapping[str, Calibration]
    changed: Mapping[str, float]


def measure_rounds(project: ProjectFolder, session: Session, active: ActiveSchema) -> RoundsOnAudit:
    """Measure the finished rounds; one that cannot be measured on today's audit set keeps the figures of its own time."""
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    used = round_in_use(session, active.hash)
    query = select(Round, Predictions.path).join(Predictions, Predictions.round_id == Round.id)
    rows = _spread([(row, path) for row, path in session.execute(query.order_by(Predictions.id))], used)
    rounds: list[MeasuredRound] = []
    matrices: dict[str, list[list[int]]] = {}
    calibrations: dict[str, Calibration] = {}
    for row, path in rows:
        file = open_if_there(project.path / path)
        answers = honest_answers(file, active, audit, seed) if file else {}
        measured = {name: measure_answers(found, audit) for name, found in answers.items()}
        rounds.append(
            MeasuredRound(
                row.id,
                row.finished_at or row.created_at,
                row.labelled or 0,
                _labels(file, active) if file else {},
                measured or as_told(row, gone=file is None),
            )
        )
        if row.id == used:
            matrices, calibrations = _closer(answers)
    changed = changed_answers(project, session, active, [path for _, path in rows[-2:]])
    return RoundsOnAudit(rounds, used, matrices, calibrations, changed)


def _spread(rows: list[tuple[Round, str]], used: int | None) -> list[tuple[Round, str]]:
    """All rows, or if there are many some of them: evenly, with the newest half as they are and the one in use."""
    if len(rows) <= MOST_ROUNDS:
        return rows
    half = MOST_ROUNDS // 2
    older = len(rows) - half
    kept = set(np.linspace(0, older - 1, half).astype(int).tolist()) | set(range(older, len(rows)))
    kept |= {place for place, (row, _) in enumerate(rows) if row.id == used}
    return [rows[place] for place in sorted(kept)]


def honest_answers(
    file: PredictionsFile, active: ActiveSchema, audit: AuditSet, seed: int
) -> dict[str, Answers]:
    """A model's answers to the audit set; none if it was trained with splits of another seed, since it may have learned from these images."""
    trained_with = _snapshot(file).get("splits", {}).get("seed", seed)
    return answers_of(file, active, audit, file.rows_of(audit.images)) if trained_with == seed else {}


def open_if_there(folder: Path) -> PredictionsFile | None:
    """A round's predictions; None if they are gone."""
    try:
        return PredictionsFile(folder)
    except FacelabelError:
        return None


def _snapshot(file: PredictionsFile) -> dict[str, Any]:
    """The manifest of the snapshot that the model learned from, which lies beside its folder; empty if it is gone."""
    try:
        text = (file.folder.parent.parent / "snapshot" / "manifest.json").read_text()
        manifest: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return {}
    return manifest


def _labels(file: PredictionsFile, active: ActiveSchema) -> dict[str, int]:
    """The answers of each attribute in the snapshot that the model learned from."""
    counts = _snapshot(file).get("counts", {}).get("attributes")
    if counts is None:
        return {active.current_name(name): file.closed_cells(name) for name in file.codes}
    return {
        active.current_name(name): sum(
            number for code, number in counts.get(name, {}).items() if code != "-1"
        )
        for name in file.codes
    }


def as_told(row: Round, *, gone: bool) -> dict[str, Measured]:
    """What a round measured of itself when it ended; `gone`: because its predictions are, else because the splits were changed."""
    why = "its predictions are gone" if gone else "the splits were changed since"
    found = {}
    for name, splits in (row.metrics or {}).items():
        told = splits.get("test", {})
        found[name] = Measured(
            told.get("images", 0), told.get("groups", 0), told.get("balanced_accuracy"), None, None,
            f"{why}: this is what was measured then", np.empty(0),
        )  # fmt: skip
    return found


def _closer(answers: Mapping[str, Answers]) -> tuple[dict[str, list[list[int]]], dict[str, Calibration]]:
    matrices, calibrations = {}, {}
    for name, found in answers.items():
        probable = calibration(found.p, found.labels, found.group)
        if probable is not None:
            calibrations[name] = probable
            said = balanced_answers(found.p, found.prior)
            matrices[name] = confusion(said, found.labels, found.p.shape[1])
    return matrices, calibrations


def changed_answers(
    project: ProjectFolder, session: Session, active: ActiveSchema, paths: list[str]
) -> dict[str, float]:
    """The share of images whose most probable value differs between two predictions, by attribute; nothing for one."""
    files = [file for path in paths if (file := open_if_there(project.path / path))]
    if len(files) != 2:
        return {}
    images = [
        (row.name, row.sha256)
        for row in session.execute(
            select(Image.name, Image.sha256).order_by(Image.shuffle, Image.id).limit(_COMPARED)
        )
    ]
    rows = [file.rows_of(images) for file in files]
    known = (rows[0] >= 0) & (rows[1] >= 0)
    if not known.any():
        return {}
    said: list[dict[str, np.ndarray]] = [
        {
            active.current_name(name): np.asarray(codes)[
                file.probabilities(name, places[known]).argmax(axis=1)
            ]
            for name, codes in file.codes.items()
        }
        for file, places in zip(files, rows, strict=True)
    ]
    return {name: float((said[0][name] != said[1][name]).mean()) for name in said[0].keys() & said[1].keys()}
