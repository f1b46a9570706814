"""The drawn faces that come with the program as examples of guidelines; `make examples` draws them."""

from __future__ import annotations

PREFIX = "drawn:"
"""Before the name of a drawing, where an example of the schema names its image."""

DRAWINGS = (
    "plain", "wrinkles", "glasses", "sunglasses", "no-freckles", "freckles",
    "brown", "black", "gray", "blond", "red", "white", "mixed", "mixed-gray", "other", "headscarf",
    "bald", "thinning", "thick", "hat", "cat", "landscape",
)  # fmt: skip
"""The names of the drawings."""


def drawing_of(image: str) -> str | None:
    """Return the name of the drawing that an example names; None if it names no drawing of the program."""
    name = image.removeprefix(PREFIX)
    return name if image.startswith(PREFIX) and name in DRAWINGS else None
