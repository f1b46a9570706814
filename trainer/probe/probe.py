"""The probe: frozen features and one calibrated linear head per attribute. It answers in seconds and drives the queue.

The model folder holds `model.safetensors` and the manifest `model.json`, which is written last.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer import __version__
from trainer.data.snapshot import Snapshot
from trainer.data.soft_labels import SoftLabels
from trainer.probe.embeddings import PoolEmbeddings, side_by_side
from trainer.probe.features import Features
from trainer.probe.linear_heads import DROPOUT_DRAWS, Head, dropped, fit_heads
from trainer.runtime.errors import ModelError, SnapshotError
from trainer.runtime.files import file_entry, read_manifest, write_manifest
from trainer.runtime.tensors import read_tensors, write_tensors
from trainer.runtime.threads import threads
from trainer.views import WHOLE

FORMAT, VERSION, KIND = "facelabel-model", 1, "probe"
CHUNK = 2048
"""Images whose features are in memory at once while they are answered."""
FEW = 2000
"""With fewer labelled images, one thread trains the heads."""


@dataclass(frozen=True)
class Probe:
    """A trained probe.

    Attributes:
        scaling: View name → its mean, which is subtracted from the features, and its scale, a factor that is applied
            afterwards; (size,) each. Views that no head looks at may be absent.
        heads: Attribute → head without its committee, for the scaled features of the views of `scaling` side by side; an
            attribute without labels has none.
        codes: Attribute → the codes of its classes.
        pool_heads: The same heads for the embeddings they were trained on; empty if the probe was read from a file.
    """

    scaling: dict[str, tuple[Tensor, Tensor]]
    heads: dict[str, Head]
    codes: dict[str, list[int]]
    pool_heads: dict[str, Head] = field(default_factory=dict)

    def answer(self, features: Mapping[str, Features]) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (images, classes) calibrated probabilities of all images of a snapshot."""
        mean, scale = (torch.cat(parts) for parts in zip(*self.scaling.values(), strict=True))
        weight, bias = _stacked(self.heads)
        weight = scale[:, None] * weight
        views = [features[view] for view in self.scaling]

        def of_all(rows: Tensor) -> Tensor:
            return torch.cat([of_view.of(rows) for of_view in views], dim=1)

        return _answers(self.heads, weight, bias - mean @ weight, of_all, len(views[0].rows))

    def answer_pool(self, pool: PoolEmbeddings) -> dict[str, NDArray[np.float32]]:
        """Return the same from the embeddings that the probe was just trained on, ten times as fast."""
        return _answers(self.pool_heads, *_stacked(self.pool_heads), pool.of, len(pool))

    def committee(self, pool: PoolEmbeddings) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (members, images, classes) answers of the heads that were each trained without one fold."""
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self.pool_heads}
        for rows in torch.split(torch.arange(len(pool)), CHUNK):
            embeddings = pool.of(rows)
            for name, head in self.pool_heads.items():
                parts[name].append(head.committee(embeddings))
        return {name: np.concatenate(answers, axis=1) for name, answers in parts.items()}

    def dropout(self, pool: PoolEmbeddings, seed: int) -> dict[str, NDArray[np.float32]]:
        """Return attribute → (draws, images, classes) answers to embeddings of which dropout hides a part."""
        generator = torch.Generator().manual_seed(seed)
        draws = [
            _answers(
                self.pool_heads,
                *_stacked(self.pool_heads),
                lambda rows: dropped(pool.of(rows), generator),
                len(pool),
            )
            for _ in range(DROPOUT_DRAWS)
        ]
        return {name: np.stack([draw[name] for draw in draws]) for name in self.pool_heads}


def _stacked(heads: Mapping[str, Head]) -> tuple[Tensor, Tensor]:
    """Return the (q, k) weights and (k,) biases of all heads side by side, k classes in all."""
    return torch.cat([h.weight for h in heads.values()], dim=1), torch.cat([h.bias for h in heads.values()])


def _answers(
    heads: Mapping[str, Head], weight: Tensor, bias: Tensor, of: Callable[[Tensor], Tensor], images: int
) -> dict[str, NDArray[np.float32]]:
    """Return attribute → (images, classes). One matrix product for all heads is four times as fast as one per head."""
    classes = [len(head.bias) for head in heads.values()]
    answers: dict[str, list[NDArray[np.float32]]] = {name: [] for name in heads}
    for rows in torch.split(torch.arange(images), CHUNK):
        logits = torch.split(of(rows) @ weight + bias, classes, 1)
        for (name, head), part in zip(heads.items(), logits, strict=True):
            answers[name].append(head.calibrated(part))
    return {name: np.concatenate(parts) for name, parts in answers.items()}


def fit_probe(
    snapshot: Snapshot,
    pool: PoolEmbeddings,
    seed: int,
    unseen: NDArray[np.int64] | None = None,
    soft: SoftLabels | None = None,
) -> Probe:
    """Train a head for every attribute that has a labelled image in the train split.

    Args:
        snapshot: Holds the labels.
        pool: The embeddings of its images.
        seed: Seed of the folds.
        unseen: Row numbers of the images on which penalty and temperature are chosen instead of on the folds; needed if
            the features were learned from the train split.
        soft: Learned instead of the labels.

    Raises:
        SnapshotError: No image of the train split is labelled.
    """
    train = snapshot.splits == "train"
    labelled = {a.name: train & (snapshot.labels[a.name] >= 0) for a in snapshot.categorical}
    rows = np.flatnonzero(np.any(list(labelled.values()), axis=0)) if labelled else np.empty(0, np.int64)
    if not len(rows):
        raise SnapshotError(
            "No image of the train split is labelled, so there is nothing to learn from.",
            "Nothing was changed.",
            "Label some images and run the round again.",
        )
    labels = {
        name: np.where(cells, snapshot.labels[name], -1)[rows]
        for name, cells in labelled.items()
        if cells.any()
    }
    classes = {attribute.name: len(attribute.values) for attribute in snapshot.categorical}
    with threads_for(len(rows)):
        embeddings = pool.of(torch.from_numpy(rows))
        others = None
        if unseen is not None:
            answers = {name: snapshot.labels[name][unseen] for name in labels}
            others = pool.of(torch.from_numpy(unseen)), answers
        targets = {name: soft[name][rows] for name in labels} if soft is not None else None
        heads = fit_heads(
            embeddings, labels, snapshot.groups[rows], classes, seed, others, pool.blocks, targets
        )
    codes = {a.name: a.codes for a in snapshot.categorical if a.name in heads}
    in_features = {name: _in_features(head.without_committee(), pool) for name, head in heads.items()}
    scaling = {view: (part.basis.mean, part.basis.scale) for view, part in pool.views.items()}
    return Probe(scaling, in_features, codes, heads)


def _in_features(head: Head, pool: PoolEmbeddings) -> Head:
    """Return a head of the embeddings as one of the scaled features of all views side by side."""
    parts = [
        torch.tensordot(part.basis.directions, head.coefficients[:-1][pool.blocks[view]], dims=1)
        if view in head.views
        else torch.zeros(len(part.basis.directions), *head.coefficients.shape[1:])
        for view, part in pool.views.items()
    ]
    return replace(head, coefficients=torch.cat([*parts, head.coefficients[-1:]]))


def threads_for(images: int) -> AbstractContextManager[None]:
    """Use one thread for small problems: on a busy machine several threads took ten times as long."""
    return threads(1 if images < FEW else torch.get_num_threads())


def save_probe(
    folder: Path,
    probe: Probe,
    snapshot: Snapshot,
    features: Mapping[str, Features],
    seed: int,
    network: Path | None = None,
) -> dict[str, Any]:
    """Write the model folder, the manifest last, and return the manifest.

    Args:
        folder: Created if it does not exist.
        probe: The probe.
        snapshot: The snapshot it was trained on.
        features: View name → the features it was trained on.
        seed: Seed of its folds.
        network: Model folder of the fine-tuned network that provides the features; None for the frozen backbone. The
            manifest holds its path relative to `folder`, so that both can be moved together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.safetensors"
    tensors: dict[str, Tensor] = {}
    for view, (mean, scale) in probe.scaling.items():
        tensors |= {f"mean/{view}": mean, f"scale/{view}": scale}
    blocks = side_by_side({view: len(mean) for view, (mean, _) in probe.scaling.items()})
    for name, head in probe.heads.items():
        tensors[f"head/{name}/bias"] = head.bias
        tensors |= {f"head/{name}/weight/{view}": head.weight[blocks[view]].clone() for view in head.views}
    write_tensors(file, tensors)
    attributes = [
        {
            "codes": probe.codes[name],
            "images": head.images,
            "name": name,
            "penalty": head.penalty,
            "prior": head.prior.tolist(),
            "temperature": head.temperature,
            "views": list(head.views),
        }
        for name, head in probe.heads.items()
    ]
    manifest = {
        "attributes": attributes,
        "content_hash": snapshot.content_hash,
        "features": {view: of_view.recipe for view, of_view in features.items()},
        "files": {file.name: file_entry(file)},
        "format": FORMAT,
        "kind": KIND,
        "schema_hash": snapshot.schema_hash,
        "seed": seed,
        "tool": f"facelabel {__version__}",
        "version": VERSION,
    }
    if network is not None:
        manifest["network"] = os.path.relpath(network, folder)
    return write_manifest(folder / "model.json", manifest)


def load_probe(folder: Path) -> tuple[Probe, dict[str, Any]]:
    """Read a model folder and its manifest.

    Raises:
        ModelError: It is incomplete, a byte was changed, or it does not hold a probe.
    """
    manifest = read_manifest(folder / "model.json", format_name=FORMAT, version=VERSION, error=ModelError)
    try:
        tensors = read_tensors(folder / "model.safetensors")
        if "mean" in tensors:
            manifest, tensors = _of_whole_images(manifest, tensors)
        views = list(manifest["features"])
        scaling = {view: (tensors[f"mean/{view}"], tensors[f"scale/{view}"]) for view in views}
        entries = {entry["name"]: entry for entry in manifest["attributes"]}
        heads = {name: _read_head(entry, tensors, scaling) for name, entry in entries.items()}
        codes = {name: entry["codes"] for name, entry in entries.items()}
        return Probe(scaling, heads, codes), manifest
    except (KeyError, TypeError) as cause:
        raise ModelError(
            f"{folder} does not hold a probe: {cause!r} is missing.",
            "Nothing was changed.",
            "Run a round again.",
        ) from cause


def _read_head(
    entry: dict[str, Any], tensors: dict[str, Tensor], scaling: dict[str, tuple[Tensor, Tensor]]
) -> Head:
    name, bias = entry["name"], tensors[f"head/{entry['name']}/bias"]
    parts = [
        tensors[f"head/{name}/weight/{view}"] if view in entry["views"] else torch.zeros(len(mean), len(bias))
        for view, (mean, _) in scaling.items()
    ]
    return Head(
        coefficients=torch.cat([*parts, bias[None]]).unsqueeze(1),
        prior=np.asarray(entry["prior"]),
        temperature=entry["temperature"],
        penalty=entry["penalty"],
        images=entry["images"],
        views=tuple(entry["views"]),
    )


def _of_whole_images(
    manifest: dict[str, Any], tensors: dict[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the content of a model of the time before views in the form of today: it looks at whole images."""
    whole = WHOLE.name
    renamed = {
        f"{name}/{whole}" if name in {"mean", "scale"} or name.endswith("/weight") else name: tensor
        for name, tensor in tensors.items()
    }
    attributes = [entry | {"views": [whole]} for entry in manifest["attributes"]]
    return manifest | {"features": {whole: manifest["features"]}, "attributes": attributes}, renamed
