"""The metrics of every finished round on the current audit labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from annotator.services.common.counted import COUNTED
from annotator.services.grouping.membership import split_rule
from annotator.services.predictions.active import read_sources, round_in_use
from annotator.services.rounds.audit_set import (
    Answers,
    AuditSet,
    answers_to_audit,
    measure_answers,
    read_audit_set,
)
from annotator.services.schema.active import ActiveSchema

MOST_ROUNDS = 40
"""The largest number of rounds on a curve; of more, some are omitted evenly."""

_COMPARED = 5000
"""The number of images, drawn at random, on which the answers of two rounds are compared."""


@dataclass(frozen=True)
class MeasuredRound:
    """One round: the labels that it learned from, and its metrics by attribute.

    Args:
        id: its number.
        finished_at: when its predictions were loaded.
        labelled: images that were done when it started.
        labels: attribute → labels in its snapshot (all splits, without "can't tell").
        measured: attribute → balanced accuracy on the audit set.
    """

    id: int
    finished_at: datetime
    labelled: int
    labels: Mapping[str, int]
    measured: Mapping[str, Measured]


@dataclass(frozen=True)
class RoundsOnAudit:
    """The rounds in chronological order, and details of the round in use.

    Args:
        rounds: all rounds, or if there are many a selection with the newest ones and the one in use.
        in_use: the round whose predictions give the queue.
        sources: attribute → the round whose predictions suggest its values.
        confusion: attribute → confusion matrix of that round: correct value (row), class-balanced answer (column).
        calibration: attribute → calibration of that round.
        changed: attribute → share of images to which the two newest rounds give different answers.
    """

    rounds: list[MeasuredRound]
    in_use: int | None
    sources: Mapping[str, int]
    confusion: Mapping[str, list[list[int]]]
    calibration: Mapping[str, Calibration]
    changed: Mapping[str, float]


def measure_rounds(project: ProjectFolder, session: Session, active: ActiveSchema) -> RoundsOnAudit:
    """Measure the finished rounds. A round that cannot be measured on the current audit set keeps its original metrics."""
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    used = round_in_use(session, active.hash)
    suggesting = read_sources(project, session, active.hash)
    sources = {name: source.round for name, source in suggesting.items() if source.round is not None}
    query = select(Round, Predictions.path).join(Predictions, Predictions.round_id == Round.id)
    rows = _select(
        [(row, path) for row, path in session.execute(query.order_by(Predictions.id))],
        {used, *sources.values()},
    )
    rounds: list[MeasuredRound] = []
    matrices: dict[str, list[list[int]]] = {}
    calibrations: dict[str, Calibration] = {}
    for row, path in rows:
        file = open_predictions(project.path / path)
        by_attribute = held_out_answers(file, active, audit, seed) if file else {}
        measured = {name: measure_answers(answers, audit) for name, answers in by_attribute.items()}
        rounds.append(
            MeasuredRound(
                row.id,
                row.finished_at or row.created_at,
                row.labelled or 0,
                _labels(file, active) if file else {},
                measured or reported_metrics(row, gone=file is None),
            )
        )
        suggested = {name: answers for name, answers in by_attribute.items() if sources.get(name) == row.id}
        for name, (matrix, calibrated) in _confusion_and_calibration(suggested).items():
            matrices[name], calibrations[name] = matrix, calibrated
    changed = changed_share(project, session, active, [path for _, path in rows[-2:]])
    return RoundsOnAudit(rounds, used, sources, matrices, calibrations, changed)


def _select(rows: list[tuple[Round, str]], used: set[int | None]) -> list[tuple[Round, str]]:
    """All rows; of many, the newest ones, the one in use, and an even selection of the older ones."""
    if len(rows) <= MOST_ROUNDS:
        return rows
    half = MOST_ROUNDS // 2
    older = len(rows) - half
    chosen = set(np.linspace(0, older - 1, half).astype(int).tolist()) | set(range(older, len(rows)))
    chosen |= {place for place, (row, _) in enumerate(rows) if row.id in used}
    return [rows[place] for place in sorted(chosen)]


def held_out_answers(
    file: PredictionsFile, active: ActiveSchema, audit: AuditSet, seed: int
) -> dict[str, Answers]:
    """A model's answers to the audit set; empty if it was trained with another seed, because it may have learned from these images."""
    trained_with = _snapshot(file).get("splits", {}).get("seed", seed)
    return answers_to_audit(file, active, audit, file.rows_of(audit.images)) if trained_with == seed else {}


def measure_together(
    session: Session, active: ActiveSchema, files: Sequence[PredictionsFile]
) -> list[Mapping[str, Measured]]:
    """Measure models on the audit images that all of them have answered, so that their metrics can be compared.

    Returns:
        Per model attribute → balanced accuracy; empty for a model that was trained with another seed of the splits.
    """
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    answered = np.all([file.rows_of(audit.images) >= 0 for file in files], axis=0)
    labels = {name: np.where(answered, codes, -1) for name, codes in audit.labels.items()}
    common = replace(audit, labels=labels)
    return [
        {name: measure_answers(answers, common) for name, answers in by_attribute.items()}
        for by_attribute in (held_out_answers(file, active, common, seed) for file in files)
    ]


def open_predictions(folder: Path) -> PredictionsFile | None:
    """Open a round's predictions; None if they are gone."""
    try:
        return PredictionsFile(folder)
    except FacelabelError:
        return None


def _snapshot(file: PredictionsFile) -> dict[str, Any]:
    """The manifest of the snapshot that the model learned from, next to the run's folder; empty if it is gone."""
    try:
        text = (file.folder.parent.parent / "snapshot" / "manifest.json").read_text()
        manifest: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return {}
    return manifest


def _labels(file: PredictionsFile, active: ActiveSchema) -> dict[str, int]:
    """The number of labels of each attribute in the snapshot that the model learned from."""
    counts = _snapshot(file).get("counts", {}).get("attributes")
    if counts is None:
        return {active.current_name(name): file.closed_cells(name) for name in file.codes}
    return {
        active.current_name(name): sum(
            number for code, number in counts.get(name, {}).items() if code != "-1"
        )
        for name in file.codes
    }


def reported_metrics(row: Round, *, gone: bool) -> dict[str, Measured]:
    """The metrics that a round reported when it ended, for rounds that cannot be measured again.

    Args:
        row: the round.
        gone: whether its predictions are gone; otherwise the splits were changed.
    """
    why = "its predictions are gone" if gone else "the splits were changed since"
    metrics = {}
    for name, splits in (row.metrics or {}).items():
        test = splits.get("test", {})
        metrics[name] = Measured(
            test.get("images", 0), test.get("groups", 0), test.get("balanced_accuracy"), None, None,
            f"{why}: this is what was measured then", np.empty(0),
        )  # fmt: skip
    return metrics


def _confusion_and_calibration(
    by_attribute: Mapping[str, Answers],
) -> dict[str, tuple[list[list[int]], Calibration]]:
    result = {}
    for name, answers in by_attribute.items():
        measured = calibration(answers.p, answers.labels, answers.group)
        if measured is not None:
            predicted = balanced_answers(answers.p, answers.prior)
            result[name] = (confusion(predicted, answers.labels, answers.p.shape[1]), measured)
    return result


def changed_share(
    project: ProjectFolder, session: Session, active: ActiveSchema, paths: list[str]
) -> dict[str, float]:
    """The share of images whose most probable value differs between two predictions, by attribute; empty unless both are whole."""
    files = [file for path in paths if (file := open_predictions(project.path / path))]
    if len(files) != 2 or any(file.is_pruned for file in files):
        return {}
    images = [
        (row.name, row.sha256)
        for row in session.execute(
            select(Image.name, Image.sha256).where(COUNTED).order_by(Image.shuffle, Image.id).limit(_COMPARED)
        )
    ]
    rows = [file.rows_of(images) for file in files]
    in_both = (rows[0] >= 0) & (rows[1] >= 0)
    if not in_both.any():
        return {}
    answers: list[dict[str, np.ndarray]] = [
        {
            active.current_name(name): np.asarray(codes)[
                file.probabilities(name, indices[in_both]).argmax(axis=1)
            ]
            for name, codes in file.codes.items()
        }
        for file, indices in zip(files, rows, strict=True)
    ]
    return {
        name: float((answers[0][name] != answers[1][name]).mean())
        for name in answers[0].keys() & answers[1].keys()
    }
