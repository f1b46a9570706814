"""One round of active learning: snapshot → features → heads → figures → predictions and the order of work."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.acquisition import DEFAULT, plan_work, pool_of, rule
from trainer.data.snapshot import Snapshot
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.outputs import Answers
from trainer.rounds.predictions import Predictions, write_predictions
from trainer.runtime.errors import PredictionsError
from trainer.runtime.progress import Progress, Report

__all__ = ["Progress", "RoundResult", "run_round"]


@dataclass(frozen=True)
class RoundResult:
    """What a round came to.

    Attributes:
        model: The model folder.
        predictions: The predictions folder.
        manifest: Of the predictions.
        unanswered: Categorical attributes that the model does not answer, because the train split has too few labels.
    """

    model: Path
    predictions: Path
    manifest: dict[str, Any]
    unanswered: list[str]

    @property
    def metrics(self) -> dict[str, Any]:
        """Attribute → split → figures."""
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
    progress: Report = lambda _: None,
) -> RoundResult:
    """Train on a snapshot and write `to/model` and `to/predictions`.

    An interrupted round is run again with the same arguments: what is cached or in checkpoints is not computed twice,
    and a round that was done returns at once.

    Args:
        snapshot: The snapshot folder.
        to: The round's folder, its own.
        engine: `probe` or `cnn` (`trainer.rounds.engines.ENGINES`).
        strategy: The acquisition rule (`trainer.acquisition.RULES`).
        cache: The folder of cached features, shared by all rounds.
        images_root: Where the image files are now, if not where the snapshot says.
        seed: Of everything that is drawn.
        network: The model folder of a fine-tuned network whose features a probe works on instead of those of the frozen one.
        progress: Called often, from this thread.

    Raises:
        ModelError: The network cannot be used.
        TrainerError: The snapshot is not whole or has no labels, an image cannot be read, a name is unknown, or the
            folder holds another round.
    """
    from trainer.rounds.engines import engine as engine_of  # noqa: PLC0415 - torch is needed only from here on
    from trainer.rounds.engines import probe, refuse_unsuitable, weights_sha256  # noqa: PLC0415

    refuse_unsuitable(engine, strategy, network)
    train = engine_of(engine)
    if network is not None:
        train = functools.partial(probe, network=network)
    known = Snapshot.open(snapshot, images_root=images_root)
    identity = {"engine": engine, "seed": seed, "snapshot": known.content_hash, "strategy": strategy}
    identity["features"] = weights_sha256(network) if network else None
    if (to / "predictions" / "manifest.json").exists():
        return _finished(known, to, identity)
    to.mkdir(parents=True, exist_ok=True)
    answers = train(known, to, cache, seed, progress)
    manifest = write_answers(known, answers, to / "predictions", strategy, seed, progress)
    return _result(known, to, manifest)


def write_answers(
    snapshot: Snapshot, answers: Answers, to: Path, strategy: str, seed: int, progress: Report
) -> dict[str, Any]:
    """Measure a model's answers, plan the work and write the predictions folder; return its manifest."""
    progress(Progress("evaluate", 0, 1, "measuring on held-out groups"))
    metrics = evaluate(snapshot, answers.probabilities, answers.shares)
    progress(Progress("evaluate", 1, 1, "measured"))
    progress(Progress("predict", 0, 1, "writing predictions"))
    needs = rule(strategy).needs
    pool = pool_of(
        snapshot,
        answers.probabilities,
        seed,
        points=answers.points() if answers.points and "points" in needs else None,
        committee=answers.committee() if answers.committee and "committee" in needs else None,
    )
    manifest = write_predictions(
        to,
        snapshot,
        answers.probabilities,
        plan_work(pool, strategy),
        priors=answers.shares,
        about={"metrics": metrics, "model": answers.model, "seed": seed, "strategy": strategy},
    )
    progress(Progress("predict", 1, 1, "done"))
    return manifest


def _finished(snapshot: Snapshot, to: Path, identity: dict[str, Any]) -> RoundResult:
    """Return the result of a round that was done, if it is this one."""
    manifest = Predictions.open(to / "predictions").manifest
    found = {
        "engine": manifest["model"]["engine"],
        "features": manifest["model"].get("network_sha256"),
        "seed": manifest["seed"],
        "snapshot": manifest["snapshot"]["content_hash"],
        "strategy": manifest["strategy"],
    }
    if found != identity:
        different = ", ".join(key for key in identity if identity[key] != found[key])
        raise PredictionsError(
            f"{to} holds another round: {different} differs.",
            "It was left as it is.",
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
