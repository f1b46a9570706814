"""The plan of the drawings: the person and the answers of each image, chosen so that rare values occur but stay rare."""

import random
from typing import NamedTuple

from annotator.sample_faces.people import PEOPLE, Person

COVERING_HAT_SHARE = 0.5
GLASSES_DAYS = 0.85


class Answers(NamedTuple):
    """The true codes of one image, in the order and coding of the default schema."""

    wrinkles: int = 0
    freckles: int = 0
    glasses: int = 0
    hair_color: int = 0
    hair_top: int = 0
    not_human: int = 0


NOT_HUMAN = Answers(not_human=1)


class Subject(NamedTuple):
    """What one image shows; `person` is None if it shows nobody. The seed decides pose, light and other details."""

    answers: Answers
    person: Person | None
    seed: int


def _answers(person: Person, index: int, rng: random.Random) -> Answers:
    """Return the answers of a person's picture; every 17th face wears a hat, every 23rd sunglasses."""
    glasses = int(person.glasses and rng.random() < GLASSES_DAYS)
    hair_color, hair_top = person.hair_color, person.hair_top
    if index % 17 == 4:
        hair_top = 3
        hair_color = 8 if rng.random() < COVERING_HAT_SHARE else hair_color
    return Answers(
        wrinkles=int(person.age == "old"),
        freckles=int(person.freckles),
        glasses=2 if index % 23 == 7 else glasses,
        hair_color=hair_color,
        hair_top=hair_top,
    )


def plan(count: int, seed: int) -> list[Subject]:
    """Return what to draw, in a random order that depends on the seed alone.

    The people take turns. Their number shares no factor with 17 and 23, so that everybody gets a hat or sunglasses once before
    anybody gets them twice. From 150 images on, every value of every attribute occurs at least twice.
    """
    rng = random.Random(f"faces:{seed}")  # noqa: S311 - a drawing, not a secret
    scenes = round(0.04 * count)
    people = rng.sample(PEOPLE, len(PEOPLE))
    subjects = [Subject(NOT_HUMAN, None, rng.getrandbits(48)) for _ in range(scenes)]
    for index in range(count - scenes):
        person = people[index % len(people)]
        subjects.append(Subject(_answers(person, index, rng), person, rng.getrandbits(48)))
    rng.shuffle(subjects)
    return subjects
