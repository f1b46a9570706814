"""A labeller who names the people in the images, and the names that the images then have."""

import secrets

from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.people.confirm import Confirmation, Confirmed, confirm
from annotator.services.people.directory import PersonSummary, list_people
from annotator.services.people.face_sets import FaceSet, FaceSets, find_sets
from annotator.services.people.rename_merge import merge, rename, undo_people_change
from tests.support.face_descriptors import describe
from tests.support.projects.images import names_of
from tests.support.projects.labelling import Person, labels_of

SIZES = (9, 7, 5, 3, 1)
"""The number of faces of each person, in falling order."""


class Namer(Person):
    """A labeller who names the people in the images."""

    def look(self, count: int = 10, **more: object) -> FaceSets:
        with self.project.database.read() as session:
            found = find_sets(self.project, session, self.id, count=count, **more)
        if found.computing and not found.sets:  # a thread reads them
            return self.look(count, **more)
        return found

    def sets(self, **more: object) -> list[FaceSet]:
        return self.look(**more).sets

    def confirm(
        self, person: int | str | None, images: list[int], *exceptions: int, key: str = "", **more: object
    ) -> Confirmed:
        given = Confirmation(key or secrets.token_hex(8), person, tuple(images), exceptions, **more)
        with self.project.database.write() as session:
            return confirm(session, self.id, given)

    def rename(self, code: int, name: str, key: str = "") -> str:
        with self.project.database.write() as session:
            return rename(session, self.id, key or secrets.token_hex(8), code, name).name

    def merge(self, code: int, into: int, key: str = "") -> int:
        with self.project.database.write() as session:
            return merge(session, self.id, key or secrets.token_hex(8), code, into)

    def undo(self, key: str | None = None, own_key: str = "") -> tuple[str, list[int]]:  # type: ignore[override]
        with self.project.database.write() as session:
            target, images = undo_people_change(session, self.id, own_key or secrets.token_hex(8), key)
            return target.kind, images

    def people(self, **more: object) -> dict[str, PersonSummary]:
        with self.project.database.read() as session:
            found, _ = list_people(session, limit=100, **more)
        return {person.name: person for person in found}


def describe_five(project: ProjectFolder) -> Namer:
    """Give 25 of a project's 40 images a face of one of five people; returns a labeller to name them."""
    names = iter(names_of(project))
    describe(project, {next(names): person for person, size in enumerate(SIZES) for _ in range(size)})
    return Namer(project)


def identities(project: ProjectFolder) -> dict[int, int | None]:
    with project.database.read() as session:
        images = list(session.scalars(select(Image.id)))
    labels = {image: labels_of(project, image) for image in images}
    return {image: found["identity"] for image, found in labels.items() if "identity" in found}


def groups_of(project: ProjectFolder, images: list[int]) -> set[str]:
    with project.database.read() as session:
        return set(session.scalars(select(Image.group).where(Image.id.in_(images))))
