"""Choose the features of a round of the engine probe: those of the frozen network, or of the newest fine-tuned one.

A round of the engine cnn fine-tunes a network. Its features are used if it is shown to be better, on the current audit labels,
than the newest probe on the frozen network. The choice is made when a round of the engine probe starts and is stored with the
round, so that an interrupted round continues with the same features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.feature_choice import advantage
from annotator.domain.states import JobState
from annotator.errors import FacelabelError
from annotator.models import Predictions, Project, Round
from annotator.project import ProjectFolder
from annotator.services.rounds.metrics import measure_together, open_predictions
from annotator.services.schema.active import active_schema


@dataclass(frozen=True)
class FeatureChoice:
    """The round whose network computes the features (None: the frozen network does), and the reason."""

    network: int | None
    reason: str


def choose_features(project: ProjectFolder, number: int) -> int | None:
    """Choose the features of a round that is about to start, and store the choice; an earlier choice stays.

    Returns:
        The round whose network computes the features; None: the frozen network does, or the round has another engine.
    """
    with project.database.read() as session:
        row = session.get_one(Round, number)
        if row.engine != "probe" or row.features_reason is not None:
            return row.features
        try:
            choice = _choose(project, session, number)
        except FacelabelError as error:
            choice = _frozen(str(error))
    _store(project, number, choice)
    return choice.network


def fall_back_to_frozen(project: ProjectFolder, number: int, network: int, error: str) -> None:
    """Let a round use the frozen network because the chosen one cannot be used, and store the reason."""
    _store(project, number, _frozen(f"the network of round {network} cannot be used: {error.rstrip('.')}"))


def return_to_frozen(session: Session) -> None:
    """Stop using the networks of all rounds so far. A network that is fine-tuned later may be chosen again."""
    newest = select(func.coalesce(func.max(Round.id), 0)).scalar_subquery()
    session.execute(update(Project).values(networks_after=newest))


def networks_after(session: Session) -> int:
    """The number of the round up to which no network is used, because somebody returned to the frozen one; 0: nobody did."""
    return session.scalar(select(Project.networks_after)) or 0


def network_folder(project: ProjectFolder, number: int) -> Path:
    """The model folder of a round of the engine cnn."""
    return project.round_folder(number) / "run" / "model"


def _store(project: ProjectFolder, number: int, choice: FeatureChoice) -> None:
    with project.database.write() as session:
        session.execute(
            update(Round)
            .where(Round.id == number)
            .values(features=choice.network, features_reason=choice.reason)
        )


def _frozen(because: str) -> FeatureChoice:
    return FeatureChoice(None, f"Uses the frozen network, because {because}.")


def _choose(project: ProjectFolder, session: Session, number: int) -> FeatureChoice:
    after = networks_after(session)
    fine_tuned = _newest(session, Round.engine == "cnn", Round.id < number, Round.id > after)
    if fine_tuned is None:
        return _frozen("somebody returned to it" if after else "no other network has been fine-tuned yet")
    network, path = fine_tuned
    if not (network_folder(project, network) / "model.json").is_file():
        return _frozen(f"the model of round {network} is gone")
    probe = _newest(session, Round.engine == "probe", Round.id < number, Round.features.is_(None))
    if probe is None:
        return _frozen(f"no round that uses it can be compared with round {network}")
    metrics = _measure(project, session, (path, probe[1]))
    difference = advantage(*metrics) if metrics else None
    if difference is None:
        return _frozen(f"rounds {network} and {probe[0]} cannot be compared on the current audit labels")
    result = f"on {difference.images:,} audit images the network of round {network} is {difference.text} than round {probe[0]}"
    if not difference.shown:
        return _frozen(f"{result}, which does not show an advantage")
    return FeatureChoice(network, f"Uses the features of round {network}: {result}.")


def _newest(session: Session, *conditions: object) -> tuple[int, str] | None:
    """The newest finished round of a kind, and the path of its predictions."""
    query = select(Round.id, Predictions.path).join(Predictions, Predictions.round_id == Round.id)
    row = session.execute(
        query.where(Round.state == JobState.DONE, *conditions).order_by(Predictions.id.desc()).limit(1)  # type: ignore[arg-type]
    ).one_or_none()
    return None if row is None else (row.id, row.path)


def _measure(
    project: ProjectFolder, session: Session, paths: tuple[str, str]
) -> list[Mapping[str, Measured]]:
    """The metrics of two models as of `measure_together`; empty if the predictions of one are gone."""
    files = [file for path in paths if (file := open_predictions(project.path / path))]
    return measure_together(session, active_schema(session), files) if len(files) == len(paths) else []
