"""One round of active learning: snapshot → features → heads → metrics → predictions and the order of the images."""

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer.acquisition import DEFAULT, pool_of, query_strategy, rank_images
from trainer.data.snapshot import Snapshot
from trainer.data.soft_labels import SoftLabels, read_soft_labels, soft_labels_sha256
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.outputs import Answers
from trainer.rounds.predictions import Predictions, write_predictions
from trainer.runtime.errors import ChoiceError, PredictionsError
from trainer.runtime.files import remove_unfinished
from trainer.runtime.progress import Progress, Report

__all__ = ["Progress", "RoundResult", "run_round"]


@dataclass(frozen=True)
class RoundResult:
    """The result of a round.

    Attributes:
        model: The model folder.
        predictions: The predictions folder.
        manifest: The manifest of the predictions.
        unanswered: Categorical attributes that the model does not answer, because the train split has too few labels.
    """

    model: Path
    predictions: Path
    manifest: dict[str, Any]
    unanswered: list[str]

    @property
    def metrics(self) -> dict[str, Any]:
        """Attribute → split → metrics."""
        return dict(self.manifest["metrics"])


def run_round(
    snapshot: Path,
    to: Path,
    *,
    engine: str = "probe",
    strategy: str = DEFAULT,
    cache: Path,
    images_root: Path | None = None,
    seed: int = 0,
    network: Path | None = None,
    at_once: Collection[str] = (),
    soft_labels: bool = False,
    progress: Report = lambda _: None,
) -> RoundResult:
    """Train on a snapshot and write `to/model` and `to/predictions`.

    An interrupted round is run again with the same arguments: cached features and checkpoints are reused, and a finished
    round returns at once. Several processes share a round of the engine cnn, and process 0 writes.

    Args:
        snapshot: The snapshot folder.
        to: The folder of this round only.
        engine: `probe`, `cnn` or `ensemble` (`trainer.rounds.engines.ENGINES`).
        strategy: The query strategy (`trainer.acquisition.STRATEGIES`).
        cache: Folder of cached features, shared by all rounds.
        images_root: Current folder of the image files, if it is not the one in the snapshot.
        seed: Seed of all random draws.
        network: Model folder of a fine-tuned network; the probe uses its features instead of the frozen ones.
        at_once: Names of images. A probe on the frozen network then waits for no other features (`ready_for_probe`).
        soft_labels: The probe learns from the soft labels of the snapshot; then `at_once` has no effect.
        progress: Called often, from this thread.

    Raises:
        TrainerError: The snapshot is incomplete or has no labels, an image cannot be read, a name is unknown, the network
            cannot be used, the folder holds another round, or several processes share a round of another engine.
    """
    from trainer.rounds.engines import engine as engine_of  # noqa: PLC0415 - torch is not needed before
    from trainer.rounds.engines import probe, ready_for_probe, refuse_unsuitable, weights_sha256  # noqa: PLC0415

    refuse_unsuitable(engine, strategy, network)
    _refuse_unshared(engine)
    train = engine_of(engine)
    opened = Snapshot.open(snapshot, images_root=images_root)
    soft = _soft_labels(opened, engine) if soft_labels else None
    if network is not None or soft is not None:
        train = functools.partial(probe, network=network, soft=soft)
    identity = {"engine": engine, "seed": seed, "snapshot": opened.content_hash, "strategy": strategy}
    identity["features"] = weights_sha256(network) if network else None
    identity["soft labels"] = sha256 = soft_labels_sha256(opened) if soft_labels else None
    if (to / "predictions" / "manifest.json").exists():
        return _finished(opened, to, identity)
    to.mkdir(parents=True, exist_ok=True)
    remove_unfinished(to / "model")
    remove_unfinished(to / "predictions")
    if at_once and engine == "probe" and network is None and not soft_labels:
        opened = ready_for_probe(opened, cache, at_once)
    answers = train(opened, to, cache, seed, progress)
    if soft_labels:
        answers = replace(answers, model=answers.model | {"soft_labels_sha256": sha256})
    return _result(opened, to, _write_once(opened, answers, to / "predictions", strategy, seed, progress))


def _refuse_unshared(engine: str) -> None:
    """Check that several processes were started only for an engine whose work they share."""
    from trainer.runtime import distributed  # noqa: PLC0415 - torch is not needed before

    if distributed.count() > 1 and engine != "cnn":
        raise ChoiceError(
            f"The engine {engine} works in one process, but {distributed.count()} were started.",
            "Nothing was changed.",
            "Choose the engine cnn, or start one process.",
        )


def _write_once(
    snapshot: Snapshot, answers: Answers, to: Path, strategy: str, seed: int, progress: Report
) -> dict[str, Any]:
    """Let process 0 write the predictions; return their manifest in every process."""
    from trainer.runtime import distributed  # noqa: PLC0415

    if distributed.rank() == 0:
        manifest = write_answers(snapshot, answers, to, strategy, seed, progress)
    distributed.wait_for_all()
    return manifest if distributed.rank() == 0 else Predictions.open(to).manifest


def _soft_labels(snapshot: Snapshot, engine: str) -> SoftLabels:
    if engine != "probe":
        raise ChoiceError(
            f"The engine {engine} does not learn from soft labels.",
            "Nothing was changed.",
            "Choose the engine probe, or remove --soft-labels.",
        )
    return read_soft_labels(snapshot)


def write_answers(
    snapshot: Snapshot, answers: Answers, to: Path, strategy: str, seed: int, progress: Report
) -> dict[str, Any]:
    """Measure a model's answers, rank the images and write the predictions folder; return its manifest."""
    progress(Progress("evaluate", 0, 1, "measuring on held-out groups"))
    metrics = evaluate(snapshot, answers.probabilities, answers.expected_priors)
    progress(Progress("evaluate", 1, 1, "measured"))
    progress(Progress("predict", 0, 1, "writing predictions"))
    needs = query_strategy(strategy).needs
    pool = pool_of(
        snapshot,
        answers.probabilities,
        seed,
        embeddings=answers.embeddings() if answers.embeddings and "embeddings" in needs else None,
        committee=answers.committee() if answers.committee and "committee" in needs else None,
        dropout=answers.dropout() if answers.dropout and "dropout" in needs else None,
    )
    manifest = write_predictions(
        to,
        snapshot,
        answers.probabilities,
        rank_images(pool, strategy),
        priors=answers.expected_priors,
        about={"metrics": metrics, "model": answers.model, "seed": seed, "strategy": strategy},
    )
    progress(Progress("predict", 1, 1, "done"))
    return manifest


def _finished(snapshot: Snapshot, to: Path, identity: dict[str, Any]) -> RoundResult:
    """Return the result of a finished round, if the folder holds the same round."""
    manifest = Predictions.open(to / "predictions").manifest
    existing = {
        "engine": manifest["model"]["engine"],
        "features": manifest["model"].get("network_sha256"),
        "seed": manifest["seed"],
        "snapshot": manifest["snapshot"]["content_hash"],
        "soft labels": manifest["model"].get("soft_labels_sha256"),
        "strategy": manifest["strategy"],
    }
    if existing != identity:
        different = ", ".join(key for key in identity if identity[key] != existing[key])
        raise PredictionsError(
            f"{to} holds another round: {different} differs.",
            "It was not changed.",
            "Choose another folder.",
        )
    return _result(snapshot, to, manifest)


def _result(snapshot: Snapshot, to: Path, manifest: dict[str, Any]) -> RoundResult:
    answered = {entry["name"] for entry in manifest["schema"]["attributes"]}
    return RoundResult(
        model=to / "model",
        predictions=to / "predictions",
        manifest=manifest,
        unanswered=[a.name for a in snapshot.categorical if a.name not in answered],
    )
