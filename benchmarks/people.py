"""How well faces of one person are found together, and how many key presses it takes to name them all.

On real faces: 84 people of the development data, against identity_CelebA.txt. A scripted labeller who knows them all
names every face through the services, with the keys that the page needs for it: Enter for a proposed person, a digit
for a suggested one, N with three letters and Enter for another; N and Enter for a new person (the letters of a new name
are not counted); for each exception the arrows to get there, and Space.
"""

from __future__ import annotations

import os
import random
import secrets
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select

from annotator.domain.faces.clusters import LIMIT, cluster_faces
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.faces.index import face_index
from annotator.services.people.confirm import Confirmation, confirm
from annotator.services.people.face_sets import FaceSet, find_sets, identity_attribute
from benchmarks.labelling import make_project
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size

PEOPLE = 84


def measure(size: Size) -> Figures:
    """Quality and presses, where the development data is."""
    if size == "small" or not CELEBA.is_dir():
        return {}
    names, descriptors = real_faces()
    who = true_people(names)
    return {
        "clusters, nobody named": [quality(descriptors, who, limit) for limit in (0.44, LIMIT, 0.52, 0.56)],
        "naming all faces, scripted": [name_all(descriptors, who)],
    }


def real_faces() -> tuple[list[str], NDArray[np.float32]]:
    """The described faces of some people: kept in the file that FACELABEL_DESCRIBED names, found anew without one."""
    kept = os.environ.get("FACELABEL_DESCRIBED")
    if kept and Path(kept).exists():
        found = np.load(kept)
        return found["names"].tolist(), found["descriptors"]
    from PIL import Image as Pillow

    from annotator.imaging.detector import find_faces

    names, described = [], []
    for name in chosen_images():
        with Pillow.open(CELEBA / "images" / name) as image:
            faces = find_faces(image.convert("RGB"))
        if faces:
            names.append(name)
            described.append(np.frombuffer(faces[0].descriptor, "<f4"))
    descriptors = np.stack(described)
    if kept:
        np.savez(kept, names=names, descriptors=descriptors)
    return names, descriptors


def chosen_images() -> list[str]:
    """All images of `PEOPLE` people drawn at random, the same at every run."""
    lines = [line.split() for line in (CELEBA / "identity_CelebA.txt").read_text().splitlines()]
    people = sorted({person for _, person in lines})
    random.Random(1).shuffle(people)
    chosen = set(people[:PEOPLE])
    return sorted(name for name, person in lines if person in chosen)


def true_people(names: list[str]) -> NDArray[np.int64]:
    """Who is in each image, as numbers from 0."""
    lines = (CELEBA / "identity_CelebA.txt").read_text().splitlines()
    known = dict(line.split() for line in lines)
    return np.unique([known[name] for name in names], return_inverse=True)[1]


def quality(descriptors: NDArray[np.float32], who: NDArray[np.int64], limit: float) -> dict[str, Any]:
    """Pairwise and B-cubed precision and recall (Bagga and Baldwin 1998) of the clusters at a limit."""
    numbers = cluster_faces(descriptors, limit)
    same, together = who[:, None] == who[None], numbers[:, None] == numbers[None]
    pairs = np.triu(np.ones_like(same), 1)
    both = same & together
    return {
        "limit": limit,
        "faces": len(who),
        "people": int(who.max()) + 1,
        "clusters": int(numbers.max()) + 1,
        "pairs precision": round(float((both & pairs).sum() / (together & pairs).sum()), 4),
        "pairs recall": round(float((both & pairs).sum() / (same & pairs).sum()), 4),
        "B³ precision": round(float((both.sum(1) / together.sum(1)).mean()), 4),
        "B³ recall": round(float((both.sum(1) / same.sum(1)).mean()), 4),
    }


def name_all(descriptors: NDArray[np.float32], who: NDArray[np.int64]) -> dict[str, Any]:
    """Name every face as somebody would who knows them all, counting keys."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project", len(who), predicted=False)
        images = add_faces(project, descriptors)
        person_of = dict(zip(images, who.tolist(), strict=True))
        keys: Counter[str] = Counter()
        while (found := next_set(project)) is not None:
            name_set(project, found, person_of, keys)
        project.database.close()
    presses = keys["presses"]
    return {
        "faces": len(who),
        "people": int(who.max()) + 1,
        **{name: keys[name] for name in ("sets", "proposed right", "exceptions", "presses")},
        "presses a face": round(presses / len(who), 3),
    }


def next_set(project: ProjectFolder) -> FaceSet | None:
    """The set that the page would show next."""
    with project.database.read() as session:
        index = face_index(project.database, identity_attribute(session)[0])
        with index.lock:
            index.look(session)
        index.wait()
        found = find_sets(project, session, 1, count=1)
    return found.sets[0] if found.sets else None


def name_set(project: ProjectFolder, found: FaceSet, person_of: dict[int, int], keys: Counter[str]) -> None:
    """Answer a set with the fewest keys that the page allows."""
    there = Counter(person_of[image] for image in found.images)
    wanted = f"CelebA {there.most_common(1)[0][0]}"
    suggested = [person.name for person in found.people]
    if found.proposed and int(suggested[0].split()[1]) in there:
        wanted = suggested[0]
    number = int(wanted.split()[1])
    exceptions = [image for image in found.images if person_of[image] != number]
    keys["sets"] += 1
    keys["exceptions"] += len(exceptions)
    keys["presses"] += walk(found.images, exceptions)
    if found.proposed and suggested[0] == wanted:
        keys["presses"] += 1
        keys["proposed right"] += 1
    elif wanted in suggested:
        keys["presses"] += 1
    else:
        keys["presses"] += 2 if not keys[wanted] else 5
    keys[wanted] += 1
    images = tuple(image for image in found.images if image not in exceptions)
    given = Confirmation(
        secrets.token_hex(8), wanted, images, tuple(exceptions), accepted=wanted in suggested
    )
    with project.database.write() as session:
        confirm(session, 1, given)


def walk(images: list[int], exceptions: list[int]) -> int:
    """Keys to mark exceptions: arrows sideways (from either end) and Space."""
    at = presses = 0
    for place in sorted(images.index(image) for image in exceptions):
        presses += min(abs(place - at), 1 + len(images) - 1 - place) + 1
        at = place
    return presses


def add_faces(project: ProjectFolder, descriptors: NDArray[np.float32]) -> list[int]:
    """Give the project's first images these faces; returns the images' numbers."""
    with project.database.write() as session:
        images = list(session.scalars(select(Image.id).order_by(Image.id).limit(len(descriptors))))
        session.execute(
            insert(Face),
            [
                {
                    "image_id": image,
                    "number": 0,
                    "turn": 0,
                    "left": 40,
                    "top": 40,
                    "right": 120,
                    "bottom": 120,
                    "score": 1.0,
                    "points": [],
                    "descriptor": descriptor.astype("<f4").tobytes(),
                }
                for image, descriptor in zip(images, descriptors, strict=True)
            ],
        )
    return images
