"""Take-backs, and what they leave: the labels, and what follows from these."""

import random

from sqlalchemy import select

from annotator.domain.roles import Role
from annotator.models import Image, Label
from annotator.project import ProjectFolder
from annotator.services.annotation.take_back import preview_take_back, take_back, undo_take_back
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.annotation.take_back_effect import Effect
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.naming import Namer
from tests.support.projects.reviewing import save_correction


def take_back_checked(project: ProjectFolder, key: str = "t", **selection: object) -> Effect:
    """Take back answers in the name of the local labeller; the preview must have said what happens."""
    me = Person(project)
    with project.database.read() as session:
        preview = preview_take_back(session, Selection(**selection))
    with project.database.write() as session:
        effect = take_back(session, me.id, key, Selection(**selection))
    assert effect == preview
    return effect


def undone(project: ProjectFolder, key: str = "t", own_key: str = "u") -> None:
    """Undo a take-back."""
    me = Person(project)
    with project.database.write() as session:
        undo_take_back(session, me.id, own_key, key)


def all_labels(project: ProjectFolder) -> dict[tuple[int, int], int | None]:
    """The code of every labelled cell."""
    with project.database.read() as session:
        query = select(Label.image_id, Label.attribute_id, Label.code)
        return {(image, attribute): code for image, attribute, code in session.execute(query)}


def images_table(project: ProjectFolder) -> list[tuple[object, ...]]:
    """What follows from the labels, by image: open cells, group, split."""
    with project.database.read() as session:
        columns = (Image.id, Image.open_cells, Image.group, Image.split)
        return [tuple(row) for row in session.execute(select(*columns).order_by(Image.id))]


def label_at_random(project: ProjectFolder, chance: random.Random) -> Person:
    """Two reviewers answer, correct each other, name people and merge two of them; a reviewer decides some. Returns one."""
    ada, bob = Person(project, "Ada", Role.REVIEWER), Person(project, "Bob", Role.REVIEWER)
    for person in (ada, bob):
        for task in person.next(12):
            person.answer(task, {name: chance.choice([0, 1, None]) for name in ALL})
    with project.database.read() as session:
        images = list(session.scalars(select(Image.id).order_by(Image.id)))
    for step in range(40):
        person, image = chance.choice([ada, bob]), chance.choice(images)
        values = {name: chance.choice([0, 1]) for name in chance.sample(sorted(ALL), 2)}
        save_correction(project, person, image, values, f"c{step}")
        if chance.random() < 0.1:
            save_correction(project, Person(project), image, values, f"d{step}", adjudicate=True)
    namers = [Namer(project, "Ada"), Namer(project, "Bob")]
    codes = [
        chance.choice(namers).confirm(name, chance.sample(images, 6)).code for name in ("Zoe", "Yan", "Xia")
    ]
    namers[1].merge(codes[0], codes[1])
    chance.choice(namers).confirm(codes[1], chance.sample(images, 3))
    return ada
