"""Which features a round of the engine probe works on: those of the frozen network, or of the newest fine-tuned one.

A round of the engine cnn fine-tunes a network. Its features are used once it is shown to be better, on today's audit labels,
than the newest probe on the frozen network. This is decided anew when a round of the engine probe begins, and kept with it, so that a round
that was interrupted goes on with the same features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.feature_choice import advantage
from annotator.domain.states import JobState
from annotator.errors import FacelabelError
from annotator.models import Predictions, Project, Round
from annotator.project import ProjectFolder
from annotator.services.grouping.membership import split_rule
from annotator.services.rounds.audit_set import measure_answers, read_audit_set
from annotator.services.rounds.metrics import honest_answers, open_if_there
from annotator.services.schema.active import active_schema


@dataclass(frozen=True)
class FeatureChoice:
    """The round whose network gives the features (None: the frozen network), and why."""

    network: int | None
    reason: str


def choose_features(project: ProjectFolder, number: int) -> int | None:
    """Decide what a round that is about to begin works on, and keep it with the reason; what was decided before stays.

    Returns:
        The round whose network gives the features; None: the frozen network's, or the round is of another engine.
    """
    with project.database.read() as session:
        row = session.get_one(Round, number)
        if row.engine != "probe" or row.features_reason is not None:
            return row.features
        try:
            choice = _choose(project, session, number)
        except FacelabelError as error:
            choice = _frozen(str(error))
    _keep(project, number, choice)
    return choice.network


def give_features_up(project: ProjectFolder, number: int, network: int, error: str) -> None:
    """The chosen network cannot be used: the round works on the frozen one, and says why."""
    _keep(project, number, _frozen(f"the network of round {network} cannot be used: {error.rstrip('.')}"))


def return_to_frozen(session: Session) -> None:
    """Use no network of the rounds so far any more; one that is fine-tuned later is looked at again."""
    newest = select(func.coalesce(func.max(Round.id), 0)).scalar_subquery()
    session.execute(update(Project).values(networks_after=newest))


def networks_after(session: Session) -> int:
    """The number of the round up to which no network is used because somebody returned to the frozen one; 0: nobody did."""
    return session.scalar(select(Project.networks_after)) or 0


def network_folder(project: ProjectFolder, number: int) -> Path:
    """The model folder of a round of the engine cnn."""
    return project.round_folder(number) / "run" / "model"


def _keep(project: ProjectFolder, number: int, choice: FeatureChoice) -> None:
    with project.database.write() as session:
        session.execute(
            update(Round)
            .where(Round.id == number)
            .values(features=choice.network, features_reason=choice.reason)
        )


def _frozen(because: str) -> FeatureChoice:
    return FeatureChoice(None, f"Works on the frozen network, because {because}.")


def _choose(project: ProjectFolder, session: Session, number: int) -> FeatureChoice:
    after = networks_after(session)
    network = _newest(session, Round.engine == "cnn", Round.id < number, Round.id > after)
    if network is None:
        return _frozen("somebody returned to it" if after else "no other one was fine-tuned yet")
    round_of_it, path = network
    if not (network_folder(project, round_of_it) / "model.json").is_file():
        return _frozen(f"the model of round {round_of_it} is gone")
    probe = _newest(session, Round.engine == "probe", Round.id < number, Round.features.is_(None))
    if probe is None:
        return _frozen(f"no round on it is there to compare round {round_of_it} with")
    figures = _measure(project, session, (path, probe[1]))
    found = advantage(*figures) if figures else None
    if found is None:
        return _frozen(f"rounds {round_of_it} and {probe[0]} cannot be compared on today's audit labels")
    told = f"on {found.images:,} audit images the network of round {round_of_it} is {found.text} than round {probe[0]}"
    if not found.shown:
        return _frozen(f"{told}, which is not shown to be an advantage")
    return FeatureChoice(round_of_it, f"Works on the features of round {round_of_it}: {told}.")


def _newest(session: Session, *wanted: object) -> tuple[int, str] | None:
    """The newest finished round of a kind, and the path of its predictions."""
    query = select(Round.id, Predictions.path).join(Predictions, Predictions.round_id == Round.id)
    row = session.execute(
        query.where(Round.state == JobState.DONE, *wanted).order_by(Predictions.id.desc()).limit(1)  # type: ignore[arg-type]
    ).one_or_none()
    return None if row is None else (row.id, row.path)


def _measure(
    project: ProjectFolder, session: Session, paths: tuple[str, str]
) -> list[Mapping[str, Measured]]:
    """The figures of two models on the audit images that both answered; none if the predictions of one are gone."""
    files = [file for path in paths if (file := open_if_there(project.path / path))]
    if len(files) != len(paths):
        return []
    active = active_schema(session)
    audit, seed = read_audit_set(session, active), split_rule(session).seed
    known = np.all([file.rows_of(audit.images) >= 0 for file in files], axis=0)
    both = replace(audit, labels={name: np.where(known, codes, -1) for name, codes in audit.labels.items()})
    return [
        {name: measure_answers(answers, both) for name, answers in found.items()}
        for found in (honest_answers(file, active, both, seed) for file in files)
    ]
