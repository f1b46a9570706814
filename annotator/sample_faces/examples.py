"""The drawings that guidelines show: one face per value of the default schema, which differs from the plain face in that value.

`make examples` writes them to static/examples; they are kept in the repository, so that an installed wheel has them.
"""

import io
import sys
from pathlib import Path

from annotator.domain.drawn_examples import DRAWINGS
from annotator.files import write_atomically
from annotator.sample_faces.people import PEOPLE
from annotator.sample_faces.plan import NOT_HUMAN, Answers
from annotator.sample_faces.portrait import draw_face

SIZE = 224
"""Width and height in pixels."""

_SEED = 2
"""A sitting that looks straight ahead."""
_SITTINGS: dict[str, tuple[str, int, Answers]] = {
    "plain": ("Ines", _SEED, Answers(hair_top=2)),
    "wrinkles": ("Ines", _SEED, Answers(hair_top=2, wrinkles=1)),
    "glasses": ("Ines", _SEED, Answers(hair_top=2, glasses=1)),
    "sunglasses": ("Ines", _SEED, Answers(hair_top=2, glasses=2)),
    "no-freckles": ("Keira", _SEED, Answers(hair_color=4, hair_top=2)),
    "freckles": ("Keira", _SEED, Answers(hair_color=4, hair_top=2, freckles=1)),
    "brown": ("Clara", _SEED, Answers(hair_color=0, hair_top=2)),
    "black": ("Clara", _SEED, Answers(hair_color=1, hair_top=2)),
    "gray": ("Clara", _SEED, Answers(hair_color=2, hair_top=2)),
    "blond": ("Clara", _SEED, Answers(hair_color=3, hair_top=2)),
    "red": ("Clara", _SEED, Answers(hair_color=4, hair_top=2)),
    "white": ("Clara", _SEED, Answers(hair_color=5, hair_top=2)),
    "mixed": ("Clara", _SEED, Answers(hair_color=6, hair_top=2)),
    "mixed-gray": ("Rafael", _SEED, Answers(hair_color=6, hair_top=2)),
    "other": ("Clara", _SEED, Answers(hair_color=7, hair_top=2)),
    "headscarf": ("Elif", _SEED, Answers(hair_color=8, hair_top=3)),
    "bald": ("Luca", _SEED, Answers(hair_color=8, hair_top=0)),
    "thinning": ("Luca", _SEED, Answers(hair_color=0, hair_top=1)),
    "thick": ("Luca", _SEED, Answers(hair_color=0, hair_top=2)),
    "hat": ("Luca", 1, Answers(hair_color=0, hair_top=3)),
    "cat": ("", _SEED, NOT_HUMAN),
    "landscape": ("", 9, NOT_HUMAN),
}
"""Person, seed and answers of each drawing: in a row of drawings, only the answer differs."""


def draw_example(name: str) -> bytes:
    """Return the drawing of this name as a WebP file.

    Raises:
        KeyError: there is no such drawing.
    """
    person_name, seed, answers = _SITTINGS[name]
    person = next((person for person in PEOPLE if person.name == person_name), None)
    file = io.BytesIO()
    draw_face(answers, person, seed, size=SIZE).save(file, "WEBP", quality=86, method=6)
    return file.getvalue()


def main(folder: Path) -> None:
    """Write all drawings into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in DRAWINGS:
        write_atomically(folder / f"{name}.webp", draw_example(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
