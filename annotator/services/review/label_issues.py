"""Label issues: labels that are probably wrong, as `trainer label-errors` ranked them, for the review queue and for relabelling.

The list comes from the newest round that has one, independent of the active predictions. Labels that were changed or decided
since then are left out, and so are those of audit images: correcting just what a model contradicts would flatter it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin
from annotator.models import Annotation, Image, Label
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind
from annotator.services.common.counted import COUNTED
from annotator.services.common.round_artifacts import newest_result
from annotator.services.review.listing import Page
from annotator.services.schema.active import active_schema
from annotator.services.tasks.visibility import still_blind

FILE = "label_errors.csv"
_WINDOW = 200


@dataclass(frozen=True)
class LabelIssue:
    """Why a label is probably wrong: the probabilities of its value and of another one, by a model that was not trained on the image."""

    code: int
    p_code: float
    suggested: int
    p_suggested: float


@dataclass(frozen=True)
class OpenLabelIssue:
    """A label with an issue that was neither changed since nor decided by a reviewer."""

    image: Image
    attribute_id: int
    code: int


@dataclass(frozen=True)
class LabelIssues:
    """Image name → attribute → issue; most suspicious image first."""

    images: dict[str, dict[str, LabelIssue]]

    @property
    def names(self) -> list[str]:
        """The image names by rank."""
        return list(self.images)


_LISTS = CacheKind[tuple[Path, int], LabelIssues](size=4)
"""By file and time of its last change, in nanoseconds."""


def read_label_issues(project: ProjectFolder) -> LabelIssues | None:
    """Read the newest list. Returns None if there is no list, or it cannot be read."""
    file = newest_result(project, FILE)
    if file is None:
        return None
    try:
        key = (file, file.stat().st_mtime_ns)
        return project.database.cache.get_or_compute(_LISTS, key, lambda: _read(file))
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        return None


def _read(file: Path) -> LabelIssues:
    images: dict[str, dict[str, LabelIssue]] = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            images.setdefault(row["image_name"], {})[row["attribute"]] = LabelIssue(
                int(row["code"]), float(row["p_code"]), int(row["suggested"]), float(row["p_suggested"])
            )
    return LabelIssues(images)


def label_issues_of(project: ProjectFolder, image_name: str) -> dict[str, LabelIssue]:
    """Read the issues of one image, by attribute."""
    issues = read_label_issues(project)
    return issues.images.get(image_name, {}) if issues else {}


def images_with_label_issues(session: Session, issues: LabelIssues, *, after: str | None, limit: int) -> Page:
    """Find images with an open issue, most suspicious first. `after`: the name of the last image that was shown."""
    names = issues.names
    place = names.index(after) + 1 if after in issues.images else 0
    images: list[Image] = []
    while place < len(names):
        window = names[place : place + _WINDOW]
        standing = _standing(session, issues, window)
        for name in window:
            place += 1
            if name in standing:
                images.append(standing[name])
                if len(images) == limit:
                    return Page(images, name if place < len(names) else None)
    return Page(images, None)


def _standing(session: Session, issues: LabelIssues, names: list[str]) -> dict[str, Image]:
    """Choose the images with an open issue, by name."""
    return {cell.image.name: cell.image for cell in _standing_cells(session, issues, names)}


def open_label_issues(session: Session, issues: LabelIssues) -> list[OpenLabelIssue]:
    """Find all open issues by rank of their image."""
    names = issues.names
    return [
        cell
        for place in range(0, len(names), _WINDOW)
        for cell in _standing_cells(session, issues, names[place : place + _WINDOW])
    ]


def _standing_cells(session: Session, issues: LabelIssues, names: list[str]) -> list[OpenLabelIssue]:
    active = active_schema(session)
    rows = session.execute(
        select(Image, Label.attribute_id, Label.code)
        .join(Label, Label.image_id == Image.id)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(
            COUNTED,
            Image.name.in_(names),
            Image.split != "test",
            Annotation.origin != Origin.REVIEW,
            ~still_blind(session),
        )
    )
    rank = {name: place for place, name in enumerate(names)}
    return sorted(
        (
            OpenLabelIssue(image, attribute, code)
            for image, attribute, code in rows
            if (issue := issues.images[image.name].get(active.names[attribute])) and issue.code == code
        ),
        key=lambda cell: (rank[cell.image.name], cell.attribute_id),
    )
