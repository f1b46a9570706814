"""Face descriptors for images: faces of one person are close together, and those of different people far apart."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select, update

from annotator.models import Face, Image, ValueRow
from annotator.project import ProjectFolder
from annotator.services.people.face_sets import identity_attribute


def describe(project: ProjectFolder, people: Mapping[str, int], spread: float = 0.15) -> dict[str, int]:
    """Give images a face: `people` maps image names to people. Returns the images' ids by name.

    Faces of one person are about `spread` · √2 apart, those of two people about 1.4.
    """
    chance = np.random.default_rng(7)
    middles = {}
    for person in sorted(set(people.values())):
        middle = chance.normal(size=128)
        middles[person] = middle / np.linalg.norm(middle)
    with project.database.write() as session:
        images = dict(session.execute(select(Image.name, Image.id).where(Image.name.in_(people))).all())
        session.execute(update(Image).where(Image.name.in_(people)).values(face_count=1))
        for name, person in sorted(people.items()):
            noise = chance.normal(size=128)
            descriptor = middles[person] + spread * noise / np.linalg.norm(noise)
            session.add(
                Face(
                    image_id=images[name],
                    number=0,
                    turn=0,
                    left=20,
                    top=20,
                    right=70,
                    bottom=70,
                    score=1.0,
                    points=[[30, 40], [35, 40], [60, 40], [55, 40], [45, 55]],
                    descriptor=descriptor.astype("<f4").tobytes(),
                )
            )
    return images


def add_people(project: ProjectFolder, count: int) -> None:
    """Somebody 1 … Somebody `count`, with these codes, in no image yet."""
    with project.database.write() as session:
        number, _ = identity_attribute(session)
        row = {"attribute_id": number, "status": "active", "ends": False}
        people = [row | {"code": code, "name": f"Somebody {code}"} for code in range(1, count + 1)]
        session.execute(insert(ValueRow), people)


def read_descriptor(descriptor: bytes) -> NDArray[np.float32]:
    """The 128 numbers of a face as the table `faces` keeps them."""
    return np.frombuffer(descriptor, "<f4")
