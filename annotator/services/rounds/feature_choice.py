"""Choose the features of a round of the engine probe: those of the frozen network alone, or of another network too.

There are two kinds of other networks. A round of the engine cnn fine-tunes one, whose features replace the frozen ones. A
network that was added (networks.py) gives its features beside the frozen ones. Either is used if it is shown to be better than
a probe on the frozen network, on the current audit labels; of several, the one with the greatest advantage. A fine-tuned
network is compared by its own answers, an added one by those of a trial: a probe that the trainer trained on the snapshot of a
finished round. The choice is made when a round of the engine probe starts and is stored with the round, so that an interrupted
round continues with the same features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.feature_choice import Advantage, advantage
from annotator.domain.states import JobState
from annotator.errors import FacelabelError
from annotator.models import Predictions, Project, Round
from annotator.project import ProjectFolder
from annotator.services.common.round_artifacts import TRIALS, newest_result, round_of_result
from annotator.services.rounds.metrics import measure_together, open_predictions
from annotator.services.rounds.networks import AddedNetwork, list_networks, network_folder_of
from annotator.services.schema.active import active_schema

_FROZEN_TRIAL = "frozen"
"""The trial of the frozen network alone (trainer/rounds/trials)."""


@dataclass(frozen=True)
class FeatureChoice:
    """The network whose features a round uses, and the reason.

    Args:
        tuned: the round that fine-tuned it; None: none did.
        added: the name of the added network; None without one. The frozen network alone gives the features if both are None.
        reason: why, in a sentence.
    """

    tuned: int | None
    added: str | None
    reason: str


@dataclass(frozen=True)
class _Compared:
    """What a comparison with the frozen network says: the choice if the network is better, and by how much."""

    choice: FeatureChoice | None
    difference: Advantage | None
    reason: str


def choose_features(project: ProjectFolder, number: int) -> Path | None:
    """Choose the features of a round that is about to start, and store the choice; an earlier choice stays.

    Returns:
        The folder of the network; None: the frozen network alone gives the features, or the round has another engine.
    """
    with project.database.read() as session:
        row = session.get_one(Round, number)
        if row.engine != "probe":
            return None
        if row.features_reason is not None:
            return _folder(project, row.features, row.network)
        try:
            choice = _choose(project, session, number)
        except FacelabelError as error:
            choice = _frozen(str(error))
    _store(project, number, choice)
    return _folder(project, choice.tuned, choice.added)


def fall_back_to_frozen(project: ProjectFolder, number: int, error: str) -> None:
    """Let a round use the frozen network because the chosen one cannot be used, and store the reason."""
    with project.database.read() as session:
        row = session.get_one(Round, number)
        name = f"the network of round {row.features}" if row.features else f"the network {row.network}"
    _store(project, number, _frozen(f"{name} cannot be used: {error.rstrip('.')}"))


def return_to_frozen(session: Session) -> None:
    """Stop using the networks of all rounds so far. A network that is compared after a later round may be chosen again."""
    newest = select(func.coalesce(func.max(Round.id), 0)).scalar_subquery()
    session.execute(update(Project).values(networks_after=newest))


def networks_after(session: Session) -> int:
    """The number of the round up to which no network is used, because somebody returned to the frozen one; 0: nobody did."""
    return session.scalar(select(Project.networks_after)) or 0


def network_folder(project: ProjectFolder, number: int) -> Path:
    """The model folder of a round of the engine cnn."""
    return project.round_folder(number) / "run" / "model"


def _folder(project: ProjectFolder, tuned: int | None, added: str | None) -> Path | None:
    if added is not None:
        return network_folder_of(project, added)
    return None if tuned is None else network_folder(project, tuned)


def _store(project: ProjectFolder, number: int, choice: FeatureChoice) -> None:
    with project.database.write() as session:
        session.execute(
            update(Round)
            .where(Round.id == number)
            .values(features=choice.tuned, network=choice.added, features_reason=choice.reason)
        )


def _frozen(because: str) -> FeatureChoice:
    return FeatureChoice(None, None, f"Uses the frozen network, because {because}.")


def _choose(project: ProjectFolder, session: Session, number: int) -> FeatureChoice:
    after = networks_after(session)
    compared = [_compare_tuned(project, session, number, after)]
    compared += _compare_added(project, session, number, after)
    better = [(c.difference.value, c.choice) for c in compared if c.choice and c.difference]
    if better:
        return max(better, key=lambda pair: pair[0])[1]
    reasons = [each.reason for each in compared]
    return _frozen(
        "; and ".join(reasons[1:] if len(reasons) > 1 and compared[0].difference is None else reasons)
    )


def _compare_tuned(project: ProjectFolder, session: Session, number: int, after: int) -> _Compared:
    """Compare the newest fine-tuned network with the newest probe on the frozen one."""
    tuned = _newest(session, Round.engine == "cnn", Round.id < number, Round.id > after)
    if tuned is None:
        why = "somebody returned to it" if after else "no other network has been fine-tuned yet"
        return _Compared(None, None, why)
    network, path = tuned
    if not (network_folder(project, network) / "model.json").is_file():
        return _Compared(None, None, f"the model of round {network} is gone")
    on_frozen = (Round.features.is_(None), Round.network.is_(None))
    probe = _newest(session, Round.engine == "probe", Round.id < number, *on_frozen)
    if probe is None:
        return _Compared(None, None, f"no round that uses it can be compared with round {network}")
    difference = _advantage(session, [project.path / path, project.path / probe[1]])
    if difference is None:
        why = f"rounds {network} and {probe[0]} cannot be compared on the current audit labels"
        return _Compared(None, None, why)
    result = f"on {difference.images:,} audit images the network of round {network} is {difference.text} than round {probe[0]}"
    choice = FeatureChoice(network, None, f"Uses the features of round {network}: {result}.")
    return _judged(choice, difference, result)


def _compare_added(project: ProjectFolder, session: Session, number: int, after: int) -> list[_Compared]:
    """Compare the added networks with the frozen one, by the newest trials."""
    networks = list_networks(project)
    if not networks:
        return []
    result = newest_result(project, TRIALS)
    tried = session.get(Round, round_of_result(result)) if result is not None else None
    if result is None or tried is None or not after < tried.id < number:
        why = "somebody returned to it" if after else "the added networks have not been compared with it yet"
        return [_Compared(None, None, why)]
    frozen = result.parent / _FROZEN_TRIAL / "predictions"
    if not frozen.is_dir():
        frozen = project.round_folder(tried.id) / "run" / "predictions"
    return [_compare_trial(session, network, result.parent, frozen) for network in networks]


def _compare_trial(session: Session, network: AddedNetwork, trials: Path, frozen: Path) -> _Compared:
    difference = _advantage(session, [trials / network.folder.name / "predictions", frozen])
    if difference is None:
        why = f"the network {network.name} cannot be compared with it on the current audit labels"
        return _Compared(None, None, why)
    result = f"on {difference.images:,} audit images a probe with the network {network.name} is {difference.text} than without"
    choice = FeatureChoice(
        None, network.name, f"Uses the features of the network {network.name} too: {result}."
    )
    return _judged(choice, difference, result)


def _judged(choice: FeatureChoice, difference: Advantage, result: str) -> _Compared:
    if difference.shown:
        return _Compared(choice, difference, result)
    return _Compared(None, difference, f"{result}, which does not show an advantage")


def _newest(session: Session, *conditions: ColumnElement[bool]) -> tuple[int, str] | None:
    """The newest finished round of a kind, and the path of its predictions."""
    query = select(Round.id, Predictions.path).join(Predictions, Predictions.round_id == Round.id)
    row = session.execute(
        query.where(Round.state == JobState.DONE, *conditions).order_by(Predictions.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else (row.id, row.path)


def _advantage(session: Session, folders: Sequence[Path]) -> Advantage | None:
    """The advantage of the first of two models over the second; None if they cannot be compared or predictions are gone."""
    files = [file for folder in folders if (file := open_predictions(folder))]
    if len(files) != len(folders):
        return None
    metrics: list[Mapping[str, Measured]] = measure_together(session, active_schema(session), files)
    return advantage(*metrics)
