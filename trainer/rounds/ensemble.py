"""A probe and a fine-tuned network that answer together: they make different errors, and fewer together than alone.

The class-balanced logits of the ensemble are the mean of its members' (a product of experts: Hinton, 2002). One
temperature per attribute, fitted on the val split, turns them into probabilities.

The model folder:

```
probe/ network/    the members' model folders
model.safetensors  the temperatures, and the hashes of the members' weights
model.json         the manifest, written last
```
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer import __version__
from trainer.data.snapshot import Snapshot
from trainer.evaluation.calibration import fit_temperature, probabilities
from trainer.evaluation.outputs import Answers
from trainer.probe.probe import FORMAT, VERSION
from trainer.runtime.files import file_entry, write_manifest
from trainer.runtime.tensors import read_tensors, write_tensors

KIND = "ensemble"
TINY = 1e-9


def save_ensemble(
    folder: Path, snapshot: Snapshot, members: Mapping[str, Answers], models: Mapping[str, Path]
) -> None:
    """Calibrate the common answers of the members on the val split and write the model folder, the manifest last.

    Args:
        folder: Created if it does not exist.
        snapshot: The snapshot the members were trained on.
        members: Name → its answers to the snapshot.
        models: Name → its model folder, which is copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        shutil.rmtree(folder / name, ignore_errors=True)  # left by a run that was killed here
        shutil.copytree(model, folder / name)
    val = snapshot.splits == "val"
    tensors = {}
    for attribute, logits in mean_logits(members).items():
        prior = members["probe"].priors[attribute]
        temperature = fit_temperature(logits[val], snapshot.labels[attribute][val], prior)
        tensors[f"temperature/{attribute}"] = torch.tensor([temperature], dtype=torch.float64)
    for name, answers in members.items():
        digest = bytes.fromhex(answers.model["weights_sha256"])
        tensors[f"sha256/{name}"] = torch.tensor(list(digest), dtype=torch.uint8)
    write_tensors(folder / "model.safetensors", tensors)
    files = ["model.safetensors", *(f"{name}/model.json" for name in members)]
    manifest = {
        "content_hash": snapshot.content_hash,
        "files": {file: file_entry(folder / file) for file in files},
        "format": FORMAT,
        "kind": KIND,
        "schema_hash": snapshot.schema_hash,
        "tool": f"facelabel {__version__}",
        "version": VERSION,
    }
    write_manifest(folder / "model.json", manifest)


def combined(folder: Path, members: Mapping[str, Answers], about: dict[str, Any]) -> Answers:
    """Return the common answers of the members, with the temperatures of the model folder.

    Raises:
        ModelError: The temperatures cannot be read.
    """
    tensors = read_tensors(folder / "model.safetensors")
    probe, answers = members["probe"], {}
    for attribute, logits in mean_logits(members).items():
        temperature = float(tensors[f"temperature/{attribute}"])
        answers[attribute] = probabilities(logits, probe.priors[attribute], temperature).astype(np.float32)
    return Answers(answers, probe.priors, probe.images, about, probe.views)


def mean_logits(members: Mapping[str, Answers]) -> dict[str, NDArray[np.float64]]:
    """Return attribute → (images, classes) mean class-balanced logits of the members; the probe answers all attributes."""
    means = {}
    for attribute in members["probe"].probabilities:
        parts = [
            np.log(answers.probabilities[attribute].astype(np.float64) + TINY)
            - np.log(answers.priors[attribute])
            for answers in members.values()
            if attribute in answers.probabilities
        ]
        means[attribute] = np.mean(parts, axis=0)
    return means
