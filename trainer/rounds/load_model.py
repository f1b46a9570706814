"""Open any model folder as a network that answers images: to score files, to explain answers, to export."""

from pathlib import Path
from typing import Any

import torch

from trainer.config import FitConfig
from trainer.data.preprocess import Preprocess
from trainer.finetune.heads import build_head
from trainer.finetune.model import MultiOutput
from trainer.finetune.probe_init import copy_head
from trainer.finetune.saved_model import FORMAT, VERSION, SavedModel, load_model
from trainer.networks import build
from trainer.networks.side_by_side import SideBySide
from trainer.probe.keys import view_of
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
    recipes, tuned = list(manifest["features"].values()), "network" in manifest
    if len({recipe["backbone"] for recipe in recipes}) > 1:
        raise ModelError(
            f"{folder} answers from the features of two networks, and this command runs only one.",
            "Nothing was changed.",
            "Use the command predict, or give a model of another round.",
        )
    config = FitConfig(
        network=recipes[0]["backbone"],
        image_size=max(recipe["side"] for recipe in recipes),
        head="probe",
        loss="adjusted",
        frozen_stages=-1,
        dropout=0,
    )
    backbone = (
        load_model(folder / manifest["network"]).network.backbone
        if tuned
        else build(config.network, pretrained=True)
    )
    if any(recipe["weights_sha256"] != backbone.weights_sha256 for recipe in recipes):
        raise ModelError(
            f"{folder} was trained on features of other weights of {config.network}.",
            "Nothing was changed.",
            "Run a new round.",
        )
    views = tuple(view_of(recipe) for recipe in recipes if "view" in recipe)
    if views:
        backbone = SideBySide(backbone, [view.side for view in views])
    outputs = {name: len(codes) for name, codes in probe.codes.items()}
    heads = {name: build_head("probe", backbone, n, hidden=0, dropout=0) for name, n in outputs.items()}
    mean, scale = (torch.cat(parts) for parts in zip(*probe.scaling.values(), strict=True))
    for name, module in heads.items():
        copy_head(module, mean, scale, probe.heads[name].weight, probe.heads[name].bias)
    network = MultiOutput(backbone, heads, outputs, prepare=Preprocess(backbone))
    kept = ("images", "prior", "temperature")
    calibration = {entry["name"]: {key: entry[key] for key in kept} for entry in manifest["attributes"]}
    network = network.to(memory_format=torch.channels_last).eval()
    return SavedModel(network, probe.codes, config, manifest | {"calibration": calibration}, views)
