"""Faces of three sources in one project: CelebA, UTKFace and studio portraits, with the features that rounds use."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotator.cli import main as facelabel
from benchmarks.support.data import CELEBA, SHARED
from benchmarks.support.lesson_data import VALUES, YES_NO, Photo, Split, command, export, make_project
from trainer.cli.group import DEFAULT_CACHE
from trainer.data.snapshot import Snapshot
from trainer.simulate.problem import Problem, read_problem

CELEBA_NAMES, UTKFACE, SKIN = "celeba", "utkface", "skin"
ASKED = VALUES | {"wrinkles": YES_NO, "freckles": YES_NO}


@dataclass(frozen=True)
class Faces:
    """The faces, and the source of each."""

    problem: Problem
    source: NDArray[np.str_]


def real_faces(folder: Path) -> Faces:
    """Import the faces, search them for eyes and mouth, and compute their features: some minutes, less once features are cached."""
    photos = list(_photos(folder / "named"))
    answers = {photo.file.name: photo.answers | {"identity": photo.person} for photo in photos}
    project = make_project(folder / "made", [folder / "named"], ASKED, answers, Split(test=0.1, val=0.1))
    command(facelabel, "faces", "-p", project)
    snapshot = Snapshot.open(export(project, folder / "snapshot"))
    problem = read_problem(snapshot, DEFAULT_CACHE.expanduser(), lambda _: None)
    return Faces(problem, np.array([name.split("_")[0] for name in problem.names]))


def _photos(folder: Path) -> Iterator[Photo]:
    """The photos under names that begin with their source. A person is a group; nobody knows who is in UTKFace."""
    folder.mkdir(parents=True)
    for row in _rows(CELEBA / "derived.csv"):
        yield _named(folder, CELEBA_NAMES, row, {name: row[name] for name in VALUES}, row["identity"])
    for row in _rows(SHARED / UTKFACE / "labels.csv"):
        answers = {"male": YES_NO[row["gender"] == "male"], "wrinkles": YES_NO[int(row["age"]) > 50]}
        yield _named(folder, UTKFACE, row, answers, "")
    for row in _rows(SHARED / SKIN / "labels.csv"):
        answers = {name: row[name] for name in ("wrinkles", "freckles", "glasses")}
        answers["male"] = {"male": "yes", "female": "no"}.get(row["gender"], "")
        yield _named(folder, SKIN, row, answers, row["identity"])


def _named(folder: Path, source: str, row: dict[str, str], answers: dict[str, str], person: str) -> Photo:
    file = folder / f"{source}_{row['image_name']}"
    file.symlink_to(SHARED / source / "images" / row["image_name"])
    known = {name: value for name, value in answers.items() if value}
    return Photo(file, person and f"{source} {person}", known)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
