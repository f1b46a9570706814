"""The forty people of the drawn faces, and their constant features."""

import random
from typing import Literal, NamedTuple

from annotator.sample_faces.canvas import Colour, mix

Age = Literal["child", "young", "adult", "old"]
Style = Literal[
    "short",
    "parted",
    "quiff",
    "curly",
    "afro",
    "bob",
    "long",
    "wavy",
    "bun",
    "ponytail",
    "pigtails",
    "scarf",
    "turban",
]
Beard = Literal["none", "stubble", "moustache", "full"]

SKINS: tuple[Colour, ...] = (
    (253, 228, 212), (248, 214, 188), (239, 196, 162), (228, 176, 136), (212, 157, 113),
    (190, 133, 91), (163, 109, 71), (136, 87, 56), (108, 67, 43), (82, 50, 34),
)  # fmt: skip
EYES: tuple[Colour, ...] = (
    (82, 52, 34),
    (112, 74, 42),
    (70, 118, 160),
    (84, 130, 92),
    (118, 128, 140),
    (60, 40, 32),
)


class Person(NamedTuple):
    """One person.

    Attributes:
        name: the identity.
        skin: index into SKINS, light to deep.
        hair_color: code of the natural or dyed hair colour; hair_top and hats decide how much of it shows.
        hair_top: code without a hat; 3 for people who always cover their hair.
        style: the style of full hair.
        age: decides face proportions and wrinkles.
        feminine: lashes and lips are drawn more strongly, the jaw is softer.
        glasses: wears glasses on most days.
        freckles: has freckles.
        beard: a beard's form.
    """

    name: str
    skin: int
    hair_color: int
    hair_top: int
    style: Style
    age: Age
    feminine: bool
    glasses: bool = False
    freckles: bool = False
    beard: Beard = "none"


class Features(NamedTuple):
    """Measures of one face in drawing units and its colours, the same in every picture of a person."""

    width: float  # half the width of the head
    jaw: float  # share of the width
    chin: float  # distance of the chin below the centre
    eye_gap: float  # half the distance between the eyes
    eye_size: float
    eye_tilt: float  # radians
    nose_width: float
    nose_length: float
    mouth: float  # half the width
    lips: float  # thickness
    brow: float  # thickness
    brow_arch: float
    ears: float
    skin: Colour
    shade: Colour
    eyes: Colour
    hair_tone: float  # 0 to 1, lighter or darker within the named colour


def features(person: Person) -> Features:
    """Return the face of a person, derived from the name alone."""
    rng = random.Random(person.name)  # noqa: S311 - a drawing, not a secret
    child, soft = person.age == "child", person.feminine
    skin = SKINS[person.skin]
    dark_eyed = person.skin >= 4 or person.hair_color == 1
    return Features(
        width=rng.uniform(51, 57) + 2 * child - 1.5 * soft,
        jaw=rng.uniform(0.70, 0.80) if soft or child else rng.uniform(0.76, 0.88),
        chin=rng.uniform(62, 66) if child else rng.uniform(69, 78) - 2 * soft,
        eye_gap=rng.uniform(21.5, 25.5),
        eye_size=rng.uniform(10.2, 11.6) + 1.4 * child + 0.6 * soft,
        eye_tilt=rng.uniform(-0.10, 0.12),
        nose_width=rng.uniform(7.0, 9.0) + 0.35 * max(0, person.skin - 4) - 1.5 * child - 0.6 * soft,
        nose_length=rng.uniform(17, 24) - 4 * child,
        mouth=rng.uniform(15, 20) - 2 * child,
        lips=rng.uniform(2.6, 3.8) + 0.3 * max(0, person.skin - 4) + 0.8 * soft,
        brow=rng.uniform(3.4, 4.6) if soft or child else rng.uniform(4.6, 6.4),
        brow_arch=rng.uniform(2.5, 6.0),
        ears=rng.uniform(8.5, 12.0),
        skin=skin,
        shade=mix(skin, (96, 28, 18), 0.30 + 0.012 * person.skin),
        eyes=EYES[rng.choice((0, 0, 1, 5))] if dark_eyed else EYES[rng.choice((1, 2, 2, 3, 4))],
        hair_tone=rng.random(),
    )


PEOPLE: tuple[Person, ...] = (
    Person("Ada", 1, 0, 2, "bob", "young", feminine=True, glasses=True),
    Person("Amara", 8, 1, 2, "afro", "young", feminine=True),
    Person("Anders", 0, 3, 2, "quiff", "adult", feminine=False, beard="stubble"),
    Person("Aiko", 2, 1, 2, "bob", "young", feminine=True),
    Person("Bela", 1, 2, 1, "short", "old", feminine=False, glasses=True, beard="moustache"),
    Person("Carmen", 4, 0, 2, "wavy", "adult", feminine=True),
    Person("Chidi", 9, 1, 2, "short", "young", feminine=False, glasses=True),
    Person("Clara", 0, 3, 2, "long", "young", feminine=True),
    Person("Darius", 5, 1, 2, "parted", "adult", feminine=False, beard="full"),
    Person("Dolores", 3, 5, 2, "curly", "old", feminine=True),
    Person("Edith", 0, 5, 2, "bun", "old", feminine=True, glasses=True),
    Person("Elif", 3, 8, 3, "scarf", "adult", feminine=True),
    Person("Emil", 1, 3, 2, "short", "child", feminine=False),
    Person("Fatou", 9, 1, 2, "bun", "adult", feminine=True),
    Person("Finn", 0, 4, 2, "quiff", "young", feminine=False, freckles=True),
    Person("George", 2, 2, 2, "parted", "old", feminine=False),
    Person("Gurpreet", 5, 8, 3, "turban", "adult", feminine=False, beard="full"),
    Person("Hana", 2, 7, 2, "bob", "young", feminine=True),
    Person("Hugo", 2, 0, 2, "curly", "child", feminine=False, freckles=True),
    Person("Ines", 3, 0, 2, "ponytail", "adult", feminine=True),
    Person("Ivan", 1, 0, 1, "short", "adult", feminine=False, beard="stubble"),
    Person("Jamal", 7, 8, 0, "short", "adult", feminine=False, beard="full"),
    Person("Jun", 2, 1, 2, "quiff", "adult", feminine=False, glasses=True),
    Person("Keira", 0, 4, 2, "wavy", "young", feminine=True, freckles=True),
    Person("Kofi", 8, 5, 1, "short", "old", feminine=False),
    Person("Lakshmi", 6, 1, 2, "long", "adult", feminine=True),
    Person("Leila", 4, 0, 2, "long", "young", feminine=True),
    Person("Luca", 3, 8, 0, "short", "adult", feminine=False),
    Person("Mateo", 5, 1, 2, "short", "child", feminine=False),
    Person("Mei", 2, 1, 2, "pigtails", "child", feminine=True),
    Person("Nia", 7, 6, 2, "curly", "adult", feminine=True),
    Person("Olga", 1, 2, 2, "bob", "old", feminine=True),
    Person("Omar", 4, 1, 2, "short", "adult", feminine=False, glasses=True, beard="moustache"),
    Person("Priya", 6, 1, 2, "ponytail", "young", feminine=True, glasses=True),
    Person("Rafael", 4, 6, 2, "parted", "old", feminine=False, beard="stubble"),
    Person("Sofia", 1, 3, 2, "ponytail", "child", feminine=True),
    Person("Tane", 6, 0, 2, "wavy", "young", feminine=False, beard="stubble"),
    Person("Walter", 1, 8, 0, "short", "old", feminine=False, glasses=True),
    Person("Yara", 5, 7, 2, "long", "young", feminine=True),
    Person("Zanele", 9, 1, 2, "pigtails", "child", feminine=True),
)
