"""Faces of three sources in one project: CelebA, UTKFace and studio portraits, with features of the network that rounds use."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.support.data import CELEBA, SHARED
from benchmarks.support.lesson_data import VALUES, YES_NO, Photo, Split, export, make_project
from trainer.cli.group import DEFAULT_CACHE
from trainer.data.snapshot import CANNOT_TELL, Snapshot
from trainer.networks import build
from trainer.probe.embeddings import pool_embeddings
from trainer.probe.features import compute_features
from trainer.probe.sources import BACKBONE, VIEWS
from trainer.simulate.problem import Problem
from trainer.views import WHOLE

CELEBA_NAMES, UTKFACE, SKIN = "celeba", "utkface", "skin"
ASKED = VALUES | {"wrinkles": YES_NO, "freckles": YES_NO}


@dataclass(frozen=True)
class Faces:
    """The faces, and the source of each."""

    problem: Problem
    source: NDArray[np.str_]


def real_faces(folder: Path, only: str | None = None) -> Faces:
    """Import the faces and compute their features: a quarter of an hour on two cores, two minutes once features are cached.

    `only`: The one source that is wanted. They are features of whole images, which take half the time of a round's two views. What is measured does not depend on them.
    """
    photos = [
        photo for photo in _photos(folder / "named") if only is None or photo.file.name.startswith(f"{only}_")
    ]
    if only is not None:
        for other in set((folder / "named").iterdir()) - {photo.file for photo in photos}:
            other.unlink()
    answers = {photo.file.name: photo.answers | {"identity": photo.person} for photo in photos}
    project = make_project(folder / "made", [folder / "named"], ASKED, answers, Split(test=0.1, val=0.1))
    snapshot = Snapshot.open(export(project, folder / "snapshot"))
    view = replace(WHOLE, side=VIEWS[0].side)
    backbone = build(BACKBONE, pretrained=True, seed=0)
    cache = DEFAULT_CACHE.expanduser()
    pool = pool_embeddings(compute_features(snapshot, backbone, cache, [view], progress=lambda *_: None))
    problem = Problem(
        names=np.asarray(snapshot.image_names),
        groups=snapshot.groups,
        embeddings=pool.of(torch.arange(len(pool))).numpy(),
        labels={
            name: np.maximum(column, CANNOT_TELL) for name, column in snapshot.labels.items() if name in ASKED
        },
        classes={attribute.name: len(attribute.values) for attribute in snapshot.categorical},
    )
    return Faces(problem, np.array([name.split("/")[-1].split("_")[0] for name in problem.names]))


def _photos(folder: Path) -> Iterator[Photo]:
    """The photos under names that begin with their source. A person is a group; nobody knows who is in UTKFace."""
    folder.mkdir(parents=True)
    for row in _rows(CELEBA / "derived.csv"):
        yield _named(folder, CELEBA_NAMES, row, {name: row[name] for name in VALUES}, row["identity"])
    for row in _rows(SHARED / UTKFACE / "labels.csv"):
        answers = {"male": str(int(row["gender"] == "male")), "wrinkles": str(int(int(row["age"]) > 50))}
        yield _named(folder, UTKFACE, row, answers, "")
    for row in _rows(SHARED / SKIN / "labels.csv"):
        answers = {name: row[name] for name in ("wrinkles", "freckles", "glasses")}
        answers["male"] = {"male": "1", "female": "0"}.get(row["gender"], "")
        yield _named(folder, SKIN, row, answers, row["identity"])


def _named(folder: Path, source: str, row: dict[str, str], answers: dict[str, str], person: str) -> Photo:
    file = folder / f"{source}_{row['image_name']}"
    file.symlink_to(SHARED / source / "images" / row["image_name"])
    known = {name: value for name, value in answers.items() if value}
    return Photo(file, person and f"{source} {person}", known)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
