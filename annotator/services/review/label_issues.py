"""Labels that are probably wrong, as `trainer label-errors` ranked them: the source of the reviewers' queue "model contradicts".

The newest round that has a list is asked, whatever predictions are in use: a label that was changed or decided since is no
longer in it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.models import Annotation, Image, Label
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind
from annotator.services.common.round_artifacts import newest_result
from annotator.services.review.listing import Page
from annotator.services.schema.active import active_schema
from annotator.services.tasks.visibility import still_blind

FILE = "label_errors.csv"
_WINDOW = 200


@dataclass(frozen=True)
class Suspicion:
    """Why a label is probably wrong: a model that has not seen the image gives it and another value these probabilities."""

    code: int
    p_code: float
    suggested: int
    p_suggested: float


@dataclass(frozen=True)
class StandingSuspect:
    """A suspected label that is as it was when it was looked at, and that no reviewer decided."""

    image: Image
    attribute_id: int
    code: int


@dataclass(frozen=True)
class Suspicions:
    """Image → attribute → suspicion; the most suspicious image first."""

    images: dict[str, dict[str, Suspicion]]

    @property
    def names(self) -> list[str]:
        """The images in the order of their rank."""
        return list(self.images)


_SUSPICIONS = CacheKind[tuple[Path, int], Suspicions](size=4)
"""The lists by file and time of its last change, in nanoseconds."""


def read_suspicions(project: ProjectFolder) -> Suspicions | None:
    """What the newest list says; None if there is none, or it cannot be read."""
    file = newest_result(project, FILE)
    if file is None:
        return None
    try:
        key = (file, file.stat().st_mtime_ns)
        return project.database.cache.get_or_compute(_SUSPICIONS, key, lambda: _read(file))
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        return None


def _read(file: Path) -> Suspicions:
    images: dict[str, dict[str, Suspicion]] = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            images.setdefault(row["image_name"], {})[row["attribute"]] = Suspicion(
                int(row["code"]), float(row["p_code"]), int(row["suggested"]), float(row["p_suggested"])
            )
    return Suspicions(images)


def suspicions_of(project: ProjectFolder, image_name: str) -> dict[str, Suspicion]:
    """Those of one image, by attribute."""
    found = read_suspicions(project)
    return found.images.get(image_name, {}) if found else {}


def find_suspected(session: Session, suspicions: Suspicions, *, after: str | None, limit: int) -> Page:
    """The images whose labels are suspected still, the most suspicious first; `after` names the last one that was seen."""
    names = suspicions.names
    place = names.index(after) + 1 if after in suspicions.images else 0
    found: list[Image] = []
    while place < len(names):
        window = names[place : place + _WINDOW]
        standing = _standing(session, suspicions, window)
        for name in window:
            place += 1
            if name in standing:
                found.append(standing[name])
                if len(found) == limit:
                    return Page(found, name if place < len(names) else None)
    return Page(found, None)


def _standing(session: Session, suspicions: Suspicions, names: list[str]) -> dict[str, Image]:
    """Those of some images with a suspected label that is as it was, and that no reviewer decided."""
    return {cell.image.name: cell.image for cell in _standing_cells(session, suspicions, names)}


def standing_suspects(session: Session, suspicions: Suspicions) -> list[StandingSuspect]:
    """All labels that are suspected still, the images in the order of their rank; audit images are never among them."""
    names = suspicions.names
    return [
        cell
        for place in range(0, len(names), _WINDOW)
        for cell in _standing_cells(session, suspicions, names[place : place + _WINDOW])
        if cell.image.split != "test"
    ]


def _standing_cells(session: Session, suspicions: Suspicions, names: list[str]) -> list[StandingSuspect]:
    active = active_schema(session)
    rows = session.execute(
        select(Image, Label.attribute_id, Label.code)
        .join(Label, Label.image_id == Image.id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Image.name.in_(names), Annotation.origin != "review", ~still_blind(session))
    )
    rank = {name: place for place, name in enumerate(names)}
    return sorted(
        (
            StandingSuspect(image, attribute, code)
            for image, attribute, code in rows
            if (found := suspicions.images[image.name].get(active.names[attribute])) and found.code == code
        ),
        key=lambda cell: (rank[cell.image.name], cell.attribute_id),
    )
