"""The engines of a round: each trains a model on a snapshot and answers every cell of it.

A new engine is a function like `probe` and a line in `ENGINES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.calibrate import class_prior, fit_temperature, probabilities
from trainer.config import FitConfig
from trainer.errors import ChoiceError
from trainer.features import compute_features
from trainer.files import sha256_file
from trainer.fit import fit
from trainer.networks import build
from trainer.probe import fit_probe, save_probe
from trainer.progress import Progress, Report
from trainer.saved_model import predict_logits
from trainer.snapshot import Snapshot

BACKBONE = "efficientnet_lite0"


@dataclass(frozen=True)
class Answers:
    """What an engine says about a snapshot.

    Attributes:
        probabilities: Attribute → (images, classes), calibrated.
        priors: Attribute → (classes,) shares of the classes among the labelled train images.
        model: The `model` of the predictions' manifest.
    """

    probabilities: dict[str, NDArray[np.float32]]
    priors: dict[str, NDArray[np.float64]]
    model: dict[str, Any]


Engine = Callable[[Snapshot, Path, Path, int, Report], Answers]
"""Snapshot, folder for the run, folder of cached features, seed, progress → answers; writes `model/` in the folder."""


def probe(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:
    """Features of the frozen backbone, cached, and linear heads."""
    backbone = build(BACKBONE, pretrained=True)
    features = compute_features(
        snapshot,
        backbone,
        cache,
        progress=lambda done, total: report(Progress("features", done, total, "computing features")),
    )
    report(Progress("train", 0, 1, "training one head per attribute"))
    model = fit_probe(snapshot, features, seed)
    save_probe(to / "model", model, snapshot, features, seed)
    report(Progress("train", 1, 1, "trained"))
    return Answers(
        probabilities=model.answer(features),
        priors={name: head.prior for name, head in model.heads.items()},
        model=_about("probe", snapshot, to / "model"),
    )


def cnn(snapshot: Snapshot, to: Path, cache: Path, seed: int, report: Report) -> Answers:  # noqa: ARG001
    """The whole backbone fine-tuned. It resumes in the folder and needs no cached features."""
    config = FitConfig(seed=seed)
    result = fit(
        snapshot, to, config, progress=lambda done, total, what: report(Progress("train", done, total, what))
    )
    everything = np.arange(len(snapshot))
    logits = predict_logits(
        result.model,
        snapshot,
        everything,
        lambda done, total, what: report(Progress("predict", done, total, what)),
    )
    train, val = snapshot.splits == "train", snapshot.splits == "val"
    answers, priors = {}, {}
    for name, values in logits.items():
        labels = snapshot.labels[name]
        prior = class_prior(labels[train], values.shape[1])
        # A loss weighted by frequency ** -power has already taken that power of the prior out of the logits.
        evidence = values - (1 - config.class_power) * np.log(prior)
        temperature = fit_temperature(evidence[val], labels[val], prior)
        answers[name] = probabilities(evidence, prior, temperature).astype(np.float32)
        priors[name] = prior
    return Answers(answers, priors, _about("cnn", snapshot, result.model))


ENGINES: dict[str, Engine] = {"probe": probe, "cnn": cnn}


def engine(name: str) -> Engine:
    """Return the engine of that name.

    Raises:
        ChoiceError: There is none.
    """
    if name not in ENGINES:
        raise ChoiceError(
            f"There is no engine called {name!r}.",
            "Nothing was changed.",
            f"Choose one of: {', '.join(ENGINES)}.",
        )
    return ENGINES[name]


def _about(name: str, snapshot: Snapshot, model: Path) -> dict[str, Any]:
    return {
        "backbone": BACKBONE,
        "engine": name,
        "name": f"{name}-{snapshot.content_hash[:12]}",
        "weights_sha256": sha256_file(model / "model.safetensors"),
    }
