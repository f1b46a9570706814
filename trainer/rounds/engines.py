"""The engines of a round: each trains a model on a snapshot and answers every cell of it.

A new engine is a function like `probe` with a line in `ENGINES`, and a function like `ask_probe` with a line in `ASK`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.acquisition import STRATEGIES, query_strategy
from trainer.data.snapshot import Snapshot
from trainer.data.soft_labels import SoftLabels
from trainer.evaluation.outputs import Answers
from trainer.networks import Backbone, build
from trainer.probe.embeddings import pool_embeddings
from trainer.probe.features import Features, ImageFile, compute_features, compute_some
from trainer.probe.keys import view_of
from trainer.probe.probe import FORMAT, VERSION, Probe, fit_probe, load_probe, save_probe
from trainer.probe.sources import BACKBONE, VIEWS, open_source
from trainer.rounds import label_issues, label_savings
from trainer.rounds.ensemble import combined, save_ensemble
from trainer.rounds.label_issues import LabelIssue
from trainer.rounds.label_savings import LabelSavings
from trainer.rounds.ready_part import ready_part
from trainer.runtime.errors import ChoiceError, ModelError
from trainer.runtime.files import read_manifest, sha256_file
from trainer.runtime.progress import Progress, Report
from trainer.runtime.threads import threads
from trainer.views import View

SMALL_IMAGES, SMALL_LABELLED = 20_000, 1_000
"""Up to so many images, of which so many are labelled, one thread trains a probe (docs/lab/experiments.md)."""

if TYPE_CHECKING:
    from trainer.finetune.feature_network import FeatureNetwork


def probe(
    snapshot: Snapshot,
    to: Path,
    cache: Path,
    seed: int,
    report: Report,
    network: Path | None = None,
    *,
    soft: SoftLabels | None = None,
) -> Answers:
    """Train linear heads on cached features.

    Args:
        snapshot: The snapshot.
        to: The folder of the round; the model is written into `model`.
        cache: Folder of cached features.
        seed: Seed of all random draws.
        report: Called with the progress.
        network: Folder of another network. The features of a fine-tuned network replace those of the frozen backbone; those
            of a pinned one (trainer/networks/pinned) stand beside them.
        soft: The soft labels to learn from instead of the labels.

    Raises:
        ModelError: The network cannot be used.
    """
    other = _feature_network(network) if network else None
    features = _features(snapshot, cache, report, other)
    report(Progress("train", 0, 1, "training one head per attribute"))
    with threads(1) if _is_small(snapshot) else nullcontext():
        pool = pool_embeddings(features)
        model = fit_probe(snapshot, pool, seed, other.unseen(snapshot) if other else None, soft)
        save_probe(to / "model", model, snapshot, features, seed, network)
        report(Progress("train", 1, 1, "trained"))
        outputs = model.answer_pool(pool)
    answers = _probe_answers(model, outputs, features, snapshot, to / "model", other)
    return replace(
        answers,
        embeddings=pool.near,
        committee=lambda: model.committee(pool),
        dropout=lambda: model.dropout(pool, seed),
    )


def _is_small(snapshot: Snapshot) -> bool:
    """Return whether a probe is trained faster by one thread: several would wait for each other more than they compute."""
    labelled = np.any([labels >= 0 for labels in snapshot.labels.values()], axis=0)
    return len(snapshot) <= SMALL_IMAGES and int(labelled.sum()) <= SMALL_LABELLED


def find_label_issues(snapshot: Snapshot, cache: Path, seed: int, report: Report) -> list[LabelIssue]:
    """Find the labels that are probably wrong, with a probe that is trained for this purpose."""
    features = _features(snapshot, cache, report)
    report(Progress("train", 0, 1, "training one head per attribute"))
    pool = pool_embeddings(features)
    model = fit_probe(snapshot, pool, seed)
    report(Progress("train", 1, 1, "trained"))
    report(Progress("label errors", 0, 1, "comparing labels with the model's answers"))
    issues = label_issues.find_label_issues(snapshot, model, pool, seed)
    report(Progress("label errors", 1, 1, "compared"))
    return issues


def estimate_savings(
    snapshot: Snapshot, drawn: Mapping[str, float], cache: Path, seed: int, report: Report
) -> LabelSavings:
    """Estimate what an image chosen by the query strategy is worth, with probes on parts of the labels.

    Args:
        snapshot: Holds the labels.
        drawn: Image name → probability of its draw, from `trainer.rounds.label_savings.read_selection`.
        cache: Folder of cached features.
        seed: Seed of all random draws.
        report: Called with the progress.
    """
    features = _features(snapshot, cache, report)
    report(Progress("compare", 0, 1, "training on random images and on chosen images"))
    material = label_savings.material(snapshot, pool_embeddings(features), drawn)
    savings = label_savings.estimate(material, seed)
    report(Progress("compare", 1, 1, "compared"))
    return savings


def cnn(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:
    """Fine-tune the whole backbone; an interrupted run resumes in the folder."""
    from trainer.config import FitConfig  # noqa: PLC0415 - torchvision loads for seconds, and a probe does not need it
    from trainer.finetune.run import fit  # noqa: PLC0415
    from trainer.presets import preset  # noqa: PLC0415

    def training(done: int, total: int, message: str) -> None:
        report(Progress("train", done, total, message))

    result = fit(snapshot, to, FitConfig(**preset("default"), seed=seed), progress=training)
    return ask_cnn(result.model, snapshot, cache, report)


def ensemble(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:
    """Train a probe and a fine-tuned network, and answer with the mean of their logits."""
    members = {
        "network": cnn(snapshot, to / "network", cache, seed, report),
        "probe": probe(snapshot, to / "probe", cache, seed, report),
    }
    folder = to / "model"
    save_ensemble(folder, snapshot, members, {name: to / name / "model" for name in members})
    answers = combined(folder, members, _about("ensemble", BACKBONE, snapshot, folder))
    of_probe = members["probe"]
    return replace(
        answers, embeddings=of_probe.embeddings, committee=of_probe.committee, dropout=of_probe.dropout
    )


def ask_ensemble(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with a trained ensemble.

    Raises:
        ModelError: The features or the schema of a member do not fit.
    """
    members = {
        "network": ask_cnn(model / "network", snapshot, cache, report),
        "probe": ask_probe(model / "probe", snapshot, cache, report),
    }
    return combined(model, members, _about("ensemble", BACKBONE, snapshot, model))


def ask_probe(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with a trained probe.

    Raises:
        ModelError: Its features or its schema do not fit, or the fine-tuned network of its features is missing or damaged.
    """
    trained, manifest = load_probe(model)
    other = _feature_network(model / manifest["network"]) if "network" in manifest else None
    recipes = manifest["features"].values()
    sources = [
        (backbone, [view_of(recipe) for recipe in recipes if recipe.get("backbone") == backbone.name])
        for backbone, _ in _seen(other)
    ]
    fitting = {v.name: open_source(cache, backbone, v).recipe for backbone, views in sources for v in views}
    codes = {attribute.name: attribute.codes for attribute in snapshot.categorical}
    changed = [name for name in trained.codes if trained.codes[name] != codes.get(name)]
    if changed or manifest["features"] != fitting:
        what = f"schema ({', '.join(changed)})" if changed else "features"
        raise ModelError(
            f"{model} was trained with another {what}.", "Nothing was changed.", "Run a new round."
        )
    features = _compute(snapshot, sources, cache, report)
    answers = _probe_answers(trained, trained.answer(features), features, snapshot, model, other)
    return replace(answers, embeddings=lambda: pool_embeddings(features).near())


def ask_cnn(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:  # noqa: ARG001 - the common signature
    """Answer a snapshot with a fine-tuned network, calibrated on the val split of its training."""
    from trainer.finetune.saved_model import load_model, predict_logits  # noqa: PLC0415

    def scoring(done: int, total: int, message: str) -> None:
        report(Progress("predict", done, total, message))

    saved = load_model(model)
    answers, priors, images = {}, {}, {}
    for name, logits in predict_logits(model, snapshot, np.arange(len(snapshot)), scoring).items():
        calibration = saved.calibration[name]
        answers[name] = saved.calibrated(name, logits).astype(np.float32)
        priors[name], images[name] = np.asarray(calibration["prior"]), calibration["images"]
    about = _about("cnn", saved.config.network, snapshot, model)
    return Answers(answers, priors, images, about, dict.fromkeys(answers, saved.config.input_view))


Engine = Callable[[Snapshot, Path, Path, int, Report], Answers]
"""Snapshot, folder of the run, folder of cached features, seed, progress → answers. Writes `model/` in the folder."""
ENGINES: dict[str, Engine] = {"probe": probe, "cnn": cnn, "ensemble": ensemble}
PROVIDES: dict[str, frozenset[str]] = {
    "probe": frozenset(["embeddings", "committee", "dropout"]),
    "cnn": frozenset(),
    "ensemble": frozenset(["embeddings", "committee", "dropout"]),
}
"""What each engine provides to a query strategy besides probabilities (`QueryStrategy.needs`)."""
ASK: dict[str, Callable[[Path, Snapshot, Path, Report], Answers]] = {
    "probe": ask_probe,
    "multi_output": ask_cnn,
    "ensemble": ask_ensemble,
}
"""The functions by the `kind` of a model folder."""


def engine(name: str) -> Engine:
    """Return the engine of that name.

    Raises:
        ChoiceError: There is none.
    """
    if name not in ENGINES:
        names = ", ".join(ENGINES)
        raise ChoiceError(
            f"There is no engine called {name!r}.", "Nothing was changed.", f"Choose one of: {names}."
        )
    return ENGINES[name]


def refuse_unsuitable(engine_name: str, strategy: str, network: Path | None = None) -> None:
    """Check, before anything is trained, that the engine fits the query strategy and the network.

    Raises:
        ChoiceError: The strategy needs what the engine does not provide, the engine cannot use the features of another
            network, or the engine or the strategy does not exist.
    """
    engine(engine_name)
    if network is not None and engine_name != "probe":
        raise ChoiceError(
            f"The engine {engine_name} does not work on the features of another network.",
            "Nothing was changed.",
            "Choose the engine probe, or remove --features.",
        )
    missing = query_strategy(strategy).needs - PROVIDES[engine_name]
    if missing:
        suitable = [name for name in STRATEGIES if STRATEGIES[name].needs <= PROVIDES[engine_name]]
        needs = " and ".join(sorted(missing))
        raise ChoiceError(
            f"The strategy {strategy} needs {needs}, which the engine {engine_name} does not provide.",
            "Nothing was changed.",
            f"Choose the engine probe, or one of: {', '.join(suitable)}.",
        )


def ask(model: Path, snapshot: Snapshot, cache: Path, report: Report) -> Answers:
    """Answer a snapshot with a trained model of any kind.

    Args:
        model: The model folder.
        snapshot: With the schema of the model's snapshot.
        cache: Folder of cached features.
        report: Called with the progress.

    Raises:
        ModelError: The folder is incomplete, or was trained on another schema.
    """
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return ASK[manifest["kind"]](model, snapshot, cache, report)


def trained_on(model: Path) -> str:
    """Return the content hash of the snapshot that the model in a folder was trained on.

    Raises:
        ModelError: The folder is incomplete.
    """
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return str(manifest["content_hash"])


def weights_sha256(model: Path) -> str:
    """Return the sha256 of the weights of a model folder, or of a folder of a pinned network.

    Raises:
        ModelError: The folder is incomplete.
    """
    from trainer.networks.pinned import is_pinned, read_network  # noqa: PLC0415 - timm loads for seconds

    if is_pinned(model):
        return read_network(model).sha256
    manifest = read_manifest(model / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    return str(manifest["files"]["model.safetensors"]["sha256"])


def _features(
    snapshot: Snapshot, cache: Path, report: Report, other: FeatureNetwork | None = None
) -> dict[str, Features]:
    """Return view name → features: of the frozen backbone and a pinned one beside it, or of a fine-tuned one."""
    return _compute(snapshot, _seen(other), cache, report)


def _compute(
    snapshot: Snapshot, sources: Sequence[tuple[Backbone, Sequence[View]]], cache: Path, report: Report
) -> dict[str, Features]:
    features: dict[str, Features] = {}
    for backbone, views in sources:
        if views:
            features |= compute_features(snapshot, backbone, cache, views, progress=_computing(report))
    return features


def _seen(other: FeatureNetwork | None) -> list[tuple[Backbone, Sequence[View]]]:
    """Return the backbones of a probe, and what each sees."""
    frozen: list[tuple[Backbone, Sequence[View]]] = [(_backbone(), VIEWS)]
    if other is None:
        return frozen
    return [*(frozen if other.pinned else []), (other.backbone, other.views)]


def _computing(report: Report) -> Callable[[int, int], None]:
    return lambda done, total: report(Progress("features", done, total, "computing features"))


def ready_for_probe(snapshot: Snapshot, cache: Path, at_once: Collection[str]) -> Snapshot:
    """Return the part of a snapshot that a probe on the frozen network answers without waiting (`ready_part`)."""
    return ready_part(snapshot, _backbone(), cache, at_once)


def compute_ahead(files: list[ImageFile], cache: Path, seconds: float, network: Path | None = None) -> int:
    """Compute features before a round needs them: of the frozen backbone, or of the pinned network in a folder.

    It uses one thread, because people are labelling at the same time.

    Returns:
        The number of leading files that need no further call.

    Raises:
        TrainerError: An image or the backbone's weights cannot be read.
    """
    with threads(1):
        if network is None:
            return compute_some(files, _backbone(), cache, seconds=seconds)
        pinned = _feature_network(network)
        return compute_some(files, pinned.backbone, cache, pinned.views, seconds=seconds)


def _feature_network(model: Path) -> FeatureNetwork:
    from trainer.finetune.feature_network import read_feature_network  # noqa: PLC0415 - torchvision loads for seconds

    return read_feature_network(model)


@functools.cache
def _backbone() -> Backbone:
    """Return the frozen backbone; a worker process reads it only once."""
    return build(BACKBONE, pretrained=True)


def _probe_answers(
    model: Probe,
    answers: dict[str, NDArray[np.float32]],
    features: Mapping[str, Features],
    snapshot: Snapshot,
    folder: Path,
    other: FeatureNetwork | None = None,
) -> Answers:
    priors = {name: head.prior for name, head in model.heads.items()}
    images = {name: head.images for name, head in model.heads.items()}
    backbone = other.backbone.name if other else BACKBONE
    about = _about(
        "probe", f"{BACKBONE} + {backbone}" if other and other.pinned else backbone, snapshot, folder
    )
    about |= {"network_sha256": other.sha256} if other else {}
    views = {name: view_of(features[head.views[0]].recipe) for name, head in model.heads.items()}
    return Answers(answers, priors, images, about, views)


def _about(name: str, backbone: str, snapshot: Snapshot, model: Path) -> dict[str, Any]:
    return {
        "backbone": backbone,
        "engine": name,
        "name": f"{name}-{snapshot.content_hash[:12]}",
        "weights_sha256": sha256_file(model / "model.safetensors"),
    }
