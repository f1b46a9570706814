"""Labellers who answer images by the services, and what the database then holds."""

import secrets
from datetime import timedelta

from sqlalchemy import func, select, update

from annotator.domain.roles import Role
from annotator.models import Label, Labeller, Lease, now
from annotator.project import ProjectFolder
from annotator.services.annotation.submit import Outcome, Submitted, submit, undo
from annotator.services.common.progress import read_progress
from annotator.services.schema.active import active_schema
from annotator.services.tasks.queue import next_tasks
from annotator.services.tasks.task import Task

ALL = {"wrinkles": 0, "freckles": 1, "glasses": 2, "hair_color": 8, "hair_top": None, "not_human": 0}
"""An answer to every attribute: the image is done."""


class Person:
    """A labeller who asks for images and answers them; the account is created at the first mention."""

    def __init__(self, project: ProjectFolder, name: str = "local", role: Role = Role.LABELLER) -> None:
        self.project = project
        with project.database.write() as session:
            row = session.scalar(select(Labeller).where(Labeller.name == name))
            if row is None:
                row = Labeller(name=name, role=role)
                session.add(row)
                session.flush()
            self.id = row.id

    def next(self, count: int = 1, **more: object) -> list[Task]:
        """Lease the next images."""
        with self.project.database.write() as session:
            return next_tasks(self.project, session, self.id, count=count, lease_seconds=600, **more)

    def answer(self, task: Task, values: dict, key: str | None = None, **more: object) -> Outcome:
        """Submit an answer, with a new idempotency key unless one is given."""
        submitted = Submitted(key or secrets.token_hex(8), task.image_id, task.lease, values, **more)
        with self.project.database.write() as session:
            return submit(session, self.id, submitted)

    def undo(self, key: str | None = None, own_key: str | None = None) -> dict[str, int | None]:
        """Undo the answer with this key, or the latest; returns the labels that it leaves."""
        with self.project.database.write() as session:
            return undo(session, self.id, own_key or secrets.token_hex(8), key)[1]


def labels_of(project: ProjectFolder, image_id: int) -> dict[str, int | None]:
    """The labels of an image: per attribute the code, None for "can't tell"."""
    with project.database.read() as session:
        names = active_schema(session).names
        rows = session.execute(select(Label.attribute_id, Label.code).where(Label.image_id == image_id))
        return {names[attribute]: code for attribute, code in rows}


def row_count(project: ProjectFolder, table: type) -> int:
    """The number of rows of a table."""
    with project.database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def done_count(project: ProjectFolder) -> int:
    """The number of images whose labels are complete."""
    with project.database.read() as session:
        return read_progress(session, 0).done


def lapse_leases(project: ProjectFolder) -> None:
    """Let all leases expire."""
    with project.database.write() as session:
        session.execute(update(Lease).values(expires_at=now() - timedelta(seconds=1)))


def answer_images(project: ProjectFolder, count: int = 3) -> tuple[Person, list[int]]:
    """Answer some images: all wear sunglasses. Returns the labeller and the images' ids."""
    me = Person(project)
    tasks = me.next(count)
    for task in tasks:
        me.answer(task, ALL, key=f"answer {task.image_id}")
    return me, [task.image_id for task in tasks]
