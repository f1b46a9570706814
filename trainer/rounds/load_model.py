"""Open any model folder as a network that answers images: to score files, to explain answers, to export."""

from pathlib import Path
from typing import Any

import torch

from trainer.config import FitConfig
from trainer.finetune.finetuned_backbone import fine_tuned
from trainer.finetune.model import build_model
from trainer.finetune.probe_init import copy_head
from trainer.finetune.saved_model import FORMAT, VERSION, SavedModel, load_model
from trainer.probe.probe import Probe, load_probe
from trainer.runtime.errors import ModelError
from trainer.runtime.files import read_manifest


def open_network(folder: Path) -> SavedModel:
    """Read the model folder of a fine-tuned network or of a probe.

    Raises:
        ModelError: It is incomplete, holds an ensemble, or was trained with other weights of its backbone.
    """
    manifest = read_manifest(folder / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    if manifest.get("kind") == "ensemble":
        raise ModelError(
            f"{folder} holds two models that answer together.",
            "Nothing was changed.",
            f"Give one of them: {folder / 'network'} or {folder / 'probe'}.",
        )
    return (
        _probe_as_network(folder, *load_probe(folder))
        if manifest.get("kind") == "probe"
        else load_model(folder)
    )


def _probe_as_network(folder: Path, probe: Probe, manifest: dict[str, Any]) -> SavedModel:
    """Return a probe as its backbone, frozen or fine-tuned, with heads of one layer on standardised features."""
    features, tuned = manifest["features"], "network" in manifest
    config = FitConfig(
        network=features["backbone"], image_size=features["side"], head="probe", loss="adjusted", frozen_stages=-1, dropout=0
    )  # fmt: skip
    outputs = {name: len(codes) for name, codes in probe.codes.items()}
    network = build_model(config, outputs, pretrained=not tuned)
    if tuned:
        network.backbone = fine_tuned(folder / manifest["network"]).backbone
    if network.backbone.weights_sha256 != features["weights_sha256"]:
        raise ModelError(
            f"{folder} was trained on features of other weights of {features['backbone']}.",
            "Nothing was changed.",
            "Run a new round.",
        )
    for name, module in zip(probe.codes, network.heads, strict=True):
        copy_head(module, probe.mean, probe.scale, probe.heads[name].weight, probe.heads[name].bias)
    kept = ("images", "prior", "temperature")
    calibration = {entry["name"]: {key: entry[key] for key in kept} for entry in manifest["attributes"]}
    network = network.to(memory_format=torch.channels_last).eval()
    return SavedModel(network, probe.codes, config, manifest | {"calibration": calibration})
