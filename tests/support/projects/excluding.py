"""Labellers who exclude images."""

import secrets

from annotator.domain.exclusions import ExclusionReason
from annotator.project import ProjectFolder
from annotator.services.annotation.exclude import Changed, ToExclude, exclude, restore
from annotator.services.annotation.undo import undo_exclusion
from tests.support.projects.labelling import Person

DUPLICATE = ExclusionReason.DUPLICATE


def exclude_images(
    project: ProjectFolder, *images: int, person: Person | None = None, key: str = "", note: str = ""
) -> Changed:
    """Exclude images as duplicates, as the local labeller unless told."""
    wanted = ToExclude(key or secrets.token_hex(8), images, DUPLICATE, note)
    me = person or Person(project)
    with project.database.write() as session:
        return exclude(session, me.id, wanted)


def restore_images(project: ProjectFolder, *images: int, key: str = "") -> Changed:
    """Restore images as the local labeller."""
    me = Person(project)
    with project.database.write() as session:
        return restore(session, me.id, key or secrets.token_hex(8), images)


def undo_last_exclusion(
    project: ProjectFolder, key: str | None = None, person: Person | None = None
) -> list[int]:
    """Undo an exclusion or restoration, the last one without a key; returns its images."""
    me = person or Person(project)
    with project.database.write() as session:
        return undo_exclusion(session, me.id, secrets.token_hex(8), key)[1]
