"""Why a model suggests a value for an image: where in its views the answer comes from, and the most similar labelled faces.

A process that stays (`trainer explain-suggestions`) answers such questions, because loading torch and a model takes seconds and
an answer a tenth of one.
"""

import base64
import io
import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.data.snapshot import Snapshot
from trainer.finetune.saved_model import SavedModel
from trainer.networks import build
from trainer.probe.sources import BACKBONE, VIEWS, Source, open_source
from trainer.reports.explanation import grad_cams, overlay
from trainer.rounds.load_model import open_network
from trainer.runtime.errors import TrainerError

SIMILAR = 12
"""How many similar faces are returned; a page shows those that the project still has."""
FAINT = 0.1
"""A view with less heat, as a proportion of the most of all views, is not shown."""
NOTHING_FOR_IT = (
    "No part of the picture speaks for this value: it is suggested because too little speaks for another one."
)
CHUNK = 4096
"""Images whose features are in memory at once while they are compared."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Args:
        model: The folder of the model that suggests.
        snapshot: The folder of the snapshot that it was trained on.
        sha256: That of the image's file.
        attribute: The attribute.
        code: The suggested value.
    """

    model: str
    snapshot: str
    sha256: str
    attribute: str
    code: int


@dataclass(frozen=True)
class SimilarFace:
    """A labelled face: the sha256 of its file, its label, and the cosine of its centred features with those of the image."""

    sha256: str
    code: int
    similarity: float


@dataclass(frozen=True)
class Reasons:
    """The answer. Where a part is missing, its `…_missing` says why.

    Args:
        pictures: View → the view with the heat on it, as a WebP in a data URI.
        pictures_missing: Why there are none; empty if there are.
        similar: The most similar labelled faces of the train split, most similar first.
        similar_missing: Why there are none; empty if there are.
    """

    pictures: dict[str, str] = field(default_factory=dict)
    pictures_missing: str = ""
    similar: list[SimilarFace] = field(default_factory=list)
    similar_missing: str = ""


def find_reasons(question: Question, cache: Path) -> Reasons:
    """Answer a question.

    Args:
        question: The question.
        cache: The folder of cached features.

    Raises:
        TrainerError: The snapshot cannot be read.
    """
    snapshot = _snapshot(Path(question.snapshot))
    if question.sha256 not in snapshot.sha256:
        gone = "The image is newer than the model, or its file was changed."
        return Reasons(pictures_missing=gone, similar_missing=gone)
    row = snapshot.sha256.index(question.sha256)
    pictures, pictures_missing = _pictures(question, snapshot, row)
    similar = similar_faces(snapshot, row, question.attribute, _head_features(cache))
    missing = "" if similar else "No labelled face of the train split has cached features to compare with."
    return Reasons(pictures, pictures_missing, similar, missing)


@lru_cache(maxsize=1)
def _snapshot(folder: Path) -> Snapshot:
    return Snapshot.open(folder)


@lru_cache(maxsize=2)
def _network(folder: Path) -> SavedModel:
    network = folder / "network"  # of an ensemble
    return open_network(network if (network / "model.json").exists() else folder)


@lru_cache(maxsize=1)
def _head_features(cache: Path) -> Source:
    return open_source(cache, build(BACKBONE, pretrained=True), VIEWS[0])


def _pictures(question: Question, snapshot: Snapshot, row: int) -> tuple[dict[str, str], str]:
    """Return view → picture, or why there is none."""
    try:
        saved = _network(Path(question.model))
        pixels = saved.load(snapshot.image_path(row), snapshot.landmarks[row])
    except TrainerError as error:
        return {}, error.what
    codes = saved.codes.get(question.attribute, [])
    if question.code not in codes:
        return {}, "The model has no head for this value."
    heat, _ = grad_cams(saved, pixels, {question.attribute: codes.index(question.code)})
    views = [view for view in _views(saved, pixels, heat[question.attribute]) if view[2].max() >= FAINT]
    views.sort(key=lambda view: -view[2].max())
    pictures = {name: _data_uri(overlay(part, of_part)) for name, part, of_part in views}
    return pictures, "" if pictures else NOTHING_FOR_IT


def _views(
    saved: SavedModel, pixels: Tensor, heat: NDArray[np.float32]
) -> list[tuple[str, Tensor, NDArray[np.float32]]]:
    """Cut a picture of views side by side, and its heat, into the views: name, (3, side, side) pixels, (side, side) heat."""
    if not saved.views:
        return [("whole", pixels, heat)]
    parts, left = [], 0
    for view in saved.views:
        rows, columns = slice(view.side), slice(left, left + view.side)
        parts.append((view.name.partition("@")[0], pixels[:, rows, columns], heat[rows, columns]))
        left += view.side
    return parts


def _data_uri(pixels: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def similar_faces(snapshot: Snapshot, row: int, attribute: str, source: Source) -> list[SimilarFace]:
    """Return the labelled images of the train split whose features are most similar to those of an image, at most `SIMILAR`.

    The similarity is the cosine of the features after the mean of up to `CHUNK` labelled images was subtracted.

    Args:
        snapshot: The snapshot.
        row: The image's number in it.
        attribute: The attribute whose label an image must have.
        source: The cached features.
    """
    labels = snapshot.labels.get(attribute)
    if labels is None:
        return []
    labelled = np.flatnonzero((snapshot.splits == "train") & (labels >= 0))
    labelled = labelled[labelled != row]
    numbers = np.append(labelled, row)
    records = source.store.rows_of(
        source.keys([snapshot.sha256[number] for number in numbers], snapshot.landmarks[numbers])
    )
    own, records = records[-1], records[:-1]
    labelled, records = labelled[records >= 0], records[records >= 0]
    if own < 0 or not len(labelled):
        return []
    features = source.store.records()
    mean = features[records[:CHUNK]].astype(np.float32).mean(axis=0)
    image = _unit(features[own : own + 1].astype(np.float32) - mean)[0]
    parts = [records[start : start + CHUNK] for start in range(0, len(records), CHUNK)]
    cosines = np.concatenate([_unit(features[part].astype(np.float32) - mean) @ image for part in parts])
    codes = next(entry.codes for entry in snapshot.categorical if entry.name == attribute)
    return [
        SimilarFace(
            snapshot.sha256[labelled[place]], codes[labels[labelled[place]]], round(float(cosines[place]), 4)
        )
        for place in np.argsort(-cosines, kind="stable")[:SIMILAR].tolist()
    ]


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return unit


def answer_line(line: str, cache: Path) -> dict[str, Any]:
    """Answer a question in JSON, with the arguments of `Question`, as plain values; the error of one that cannot be answered.

    Args:
        line: The question.
        cache: The folder of cached features.
    """
    try:
        return asdict(find_reasons(Question(**json.loads(line)), cache))
    except TrainerError as error:
        return asdict(Reasons(pictures_missing=error.what, similar_missing=error.what))
