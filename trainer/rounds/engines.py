"""The engines of a round: each trains a model on a snapshot and answers every cell of it.

A new engine is a function like `probe` with a line in `ENGINES`, and one like `ask_probe` with a line in `ASK`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition import RULES, rule
from trainer.data.snapshot import Snapshot
from trainer.evaluation.outputs import Answers
from trainer.networks import Backbone, build
from trainer.probe.embeddings import pool_points
from trainer.probe.features import BACKBONE, Features, ImageFile, compute_features, compute_some
from trainer.probe.probe import FORMAT, VERSION, Probe, fit_probe, load_probe, save_probe
from trainer.rounds.ensemble import combined, save_ensemble
from trainer.rounds.label_issues import Suspect, find_label_errors
from trainer.rounds.label_savings import LabelsSaved, estimate, material
from trainer.runtime.errors import ChoiceError, ModelError
from trainer.runtime.files import read_manifest, sha256_file
from trainer.runtime.progress import Progress, Report
from trainer.runtime.threads import threads

if TYPE_CHECKING:
    from trainer.finetune.finetuned_backbone import FineTuned


def probe(
    snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report, network: Path | None = None
) -> Answers:
    """Train linear heads on cached features: those of the frozen backbone, or of the fine-tuned one of the model folder `network`.

    Raises:
        ModelError: The network cannot be used.
    """
    tuned = _fine_tuned(network) if network else None
    features = _features(snapshot, cache, report, tuned)
    report(Progress("train", 0, 1, "training one head per attribute"))
    pool = pool_points(features)
    model = fit_probe(snapshot, pool, seed, tuned.unseen(snapshot) if tuned else None)
    save_probe(to / "model", model, snapshot, features, seed, network)
    report(Progress("train", 1, 1, "trained"))
    answers = _probe_answers(model, model.answer_pool(pool), snapshot, to / "model", tuned)
    return replace(answers, points=pool.near, committee=lambda: model.committee(pool))


def label_errors(snapshot: Snapshot, cache: Path, seed: int, report: Report) -> list[Suspect]:
    """Find the labels that are probably wrong, with a probe that is trained for it."""
    features = _features(snapshot, cache, report)
    report(Progress("train", 0, 1, "training one head per attribute"))
    pool = pool_points(features)
    model = fit_probe(snapshot, pool, seed)
    report(Progress("train", 1, 1, "trained"))
    report(Progress("label errors", 0, 1, "comparing labels with what the model says"))
    suspects = find_label_errors(snapshot, model, pool, seed)
    report(Progress("label errors", 1, 1, "compared"))
    return suspects


def labels_saved(
    snapshot: Snapshot, drawn: Mapping[str, float], cache: Path, seed: int, report: Report
) -> LabelsSaved:
    """Estimate what an image that the rule chose is worth, with probes on parts of the labels.

    Args:
        snapshot: With labels.
        drawn: Image name → how it was drawn, of `trainer.rounds.label_savings.read_selection`.
        cache: Of features.
        seed: Of all draws.
        report: Told how far it is.
    """
    features = _features(snapshot, cache, report)
    report(Progress("compare", 0, 1, "training on what chance chose and on what the rule chose"))
    found = estimate(material(snapshot, pool_points(features), drawn), seed)
    report(Progress("compare", 1, 1, "compared"))
    return found


def cnn(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:
    """Fine-tune the whole backbone; it resumes in the folder."""
    from trainer.config import FitConfig  # noqa: PLC0415 - torchvision takes seconds to load, and a probe needs none
    from trainer.finetune.run import fit  # noqa: PLC0415
    from trainer.presets import preset  # noqa: PLC0415

    def training(done: int, total: int, message: str) -> None:
        report(Progress("train", done, total, message))

    result = fit(snapshot, to, FitConfig(**preset("default"), seed=seed), progress=training)
    return ask_cnn(result.model, snapshot, cache, report)


def ensemble(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:
    """Train a probe and a fine-tuned network, and answer with the mean of their evidences."""
    members = {
        "network": cnn(snapshot, to / "network", cache, seed, report),
        "probe": probe(snapshot, to / "probe", cache, seed, report),
    }
    folder = to / "model"
    save_ensemble(folder, snapshot, members, {name: to / name / "model" for name in members})
    answers = combined(folder, members, _about("ensemble", BACKBONE, snapshot, folder))
    return replace(answers, points=members["probe"].points, committee=members["probe"].committee)


def ask_ensemble(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with an ensemble that was trained before.

    Raises:
        ModelError: A member's features or schema are other ones.
    """
    members = {
        "network": ask_cnn(model / "network", snapshot, cache, report),
        "probe": ask_probe(model / "probe", snapshot, cache, report),
    }
    return combined(model, members, _about("ensemble", BACKBONE, snapshot, model))


def ask_probe(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with a probe that was trained before.

    Raises:
        ModelError: Its features or its schema are other ones, or the fine-tuned network that gives them is gone or damaged.
    """
    trained, manifest = load_probe(model)
    tuned = _fine_tuned(model / manifest["network"]) if "network" in manifest else None
    features = _features(snapshot, cache, report, tuned)
    codes = {attribute.name: attribute.codes for attribute in snapshot.categorical}
    other = [name for name in trained.codes if trained.codes[name] != codes.get(name)]
    if other or manifest["features"] != features.recipe:
        what = f"schema ({', '.join(other)})" if other else "features"
        raise ModelError(
            f"{model} was trained with another {what}.", "Nothing was changed.", "Run a new round."
        )
    answers = _probe_answers(trained, trained.answer(features), snapshot, model, tuned)
    return replace(answers, points=lambda: pool_points(features).near())


def ask_cnn(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:  # noqa: ARG001 - as engines are
    """Answer a snapshot with a fine-tuned network, calibrated on the val split it was trained with."""
    from trainer.finetune.saved_model import load_model, predict_logits  # noqa: PLC0415

    def scoring(done: int, total: int, message: str) -> None:
        report(Progress("predict", done, total, message))

    saved = load_model(model)
    answers, priors, images = {}, {}, {}
    for name, logits in predict_logits(model, snapshot, np.arange(len(snapshot)), scoring).items():
        calibration = saved.calibration[name]
        answers[name] = saved.calibrated(name, logits).astype(np.float32)
        priors[name], images[name] = np.asarray(calibration["prior"]), calibration["images"]
    return Answers(answers, priors, images, _about("cnn", saved.config.network, snapshot, model))


Engine = Callable[[Snapshot, Path, Path, int, Report], Answers]
"""Snapshot, folder of the run, folder of cached features, seed, progress → answers; writes `model/` in the folder."""
ENGINES: dict[str, Engine] = {"probe": probe, "cnn": cnn, "ensemble": ensemble}
GIVES: dict[str, frozenset[str]] = {
    "probe": frozenset(["points", "committee"]),
    "cnn": frozenset(),
    "ensemble": frozenset(["points", "committee"]),
}
"""What each engine gives an acquisition rule beside probabilities (`Rule.needs`)."""
ASK: dict[str, Callable[[Path, Snapshot, Path, Report], Answers]] = {
    "probe": ask_probe,
    "multi_output": ask_cnn,
    "ensemble": ask_ensemble,
}
"""By the `kind` of a model folder."""


def engine(name: str) -> Engine:
    """Return the engine of that name.

    Raises:
        ChoiceError: There is none.
    """
    if name not in ENGINES:
        known = ", ".join(ENGINES)
        raise ChoiceError(
            f"There is no engine called {name!r}.", "Nothing was changed.", f"Choose one of: {known}."
        )
    return ENGINES[name]


def refuse_unsuitable(engine_name: str, strategy: str, network: Path | None = None) -> None:
    """Raise, before anything is trained, if a rule needs what an engine does not give, or an engine does not take a network's features.

    Raises:
        ChoiceError: It does, or one of the two does not exist.
    """
    engine(engine_name)
    if network is not None and engine_name != "probe":
        raise ChoiceError(
            f"The engine {engine_name} does not work on the features of another network.",
            "Nothing was changed.",
            "Choose the engine probe, or leave out --features.",
        )
    missing = rule(strategy).needs - GIVES[engine_name]
    if missing:
        suitable = [name for name in RULES if RULES[name].needs <= GIVES[engine_name]]
        raise ChoiceError(
            f"The strategy {strategy} needs {' and '.join(sorted(missing))}, which the engine {engine_name} does not give.",
            "Nothing was changed.",
            f"Choose the engine probe, or one of: {', '.join(suitable)}.",
        )


def ask(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with a model that was trained before, of whatever kind.

    Args:
        model: The model folder.
        snapshot: Of the schema that the model was trained on.
        cache: The folder of cached features.
        report: Called often.

    Raises:
        ModelError: The folder is not whole, or was trained on another schema.
    """
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return ASK[manifest["kind"]](model, snapshot, cache, report)


def trained_on(model: Path) -> str:
    """Return the content hash of the snapshot that a model folder's model was trained on.

    Raises:
        ModelError: The folder is not whole.
    """
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return str(manifest["content_hash"])


def weights_sha256(model: Path) -> str:
    """Return the sha256 of a model folder's weights.

    Raises:
        ModelError: The folder is not whole.
    """
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return str(manifest["files"]["model.safetensors"]["sha256"])


def _features(snapshot: Snapshot, cache: Path, report: Report, tuned: FineTuned | None = None) -> Features:
    def computing(done: int, total: int) -> None:
        report(Progress("features", done, total, "computing features"))

    return compute_features(snapshot, tuned.backbone if tuned else _backbone(), cache, progress=computing)


def compute_ahead(files: list[ImageFile], cache: Path, seconds: float) -> int:
    """Compute features of the frozen backbone before a round asks for them, with one thread: people are labelling meanwhile.

    Returns:
        How many of the files, from the first on, need not be looked at again.

    Raises:
        TrainerError: An image cannot be read, or the backbone's weights cannot.
    """
    with threads(1):
        return compute_some(files, _backbone(), cache, seconds=seconds)


def _fine_tuned(model: Path) -> FineTuned:
    from trainer.finetune.finetuned_backbone import fine_tuned  # noqa: PLC0415 - torchvision takes seconds to load

    return fine_tuned(model)


@functools.cache
def _backbone() -> Backbone:
    """The frozen backbone; a worker that stays loaded reads it once."""
    return build(BACKBONE, pretrained=True)


def _probe_answers(
    model: Probe,
    answers: dict[str, NDArray[np.float32]],
    snapshot: Snapshot,
    folder: Path,
    tuned: FineTuned | None = None,
) -> Answers:
    priors = {name: head.prior for name, head in model.heads.items()}
    images = {name: head.images for name, head in model.heads.items()}
    about = _about("probe", tuned.backbone.name if tuned else BACKBONE, snapshot, folder)
    return Answers(answers, priors, images, about | ({"network_sha256": tuned.sha256} if tuned else {}))


def _about(name: str, backbone: str, snapshot: Snapshot, model: Path) -> dict[str, Any]:
    return {
        "backbone": backbone,
        "engine": name,
        "name": f"{name}-{snapshot.content_hash[:12]}",
        "weights_sha256": sha256_file(model / "model.safetensors"),
    }
