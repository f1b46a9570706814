"""What the reader of any foreign format gives and its writer takes: images by name, and what is said about their cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ForeignAnswer:
    """What a file says about one cell, in its own words.

    Args:
        image: the image's name in that format.
        attribute: the column, control or attribute; "" where the format has one flat list of labels.
        value: a value's name or code as it stands there; None is "can't tell".
        labeller: who said so, "" if the format does not say.
    """

    image: str
    attribute: str
    value: str | None
    labeller: str = ""


@dataclass(frozen=True)
class ForeignImage:
    """An image that a format names. `path` is None if the format holds labels only.

    Args:
        name: its name in that format, with `/` between folders.
        path: where its bytes are.
        original_path: the name before that tool changed it, if the format knows.
        group: what it must not be split from (a person, a video), "" if the format does not say.
        split: train, val or test as the format says; kept as a note, splits are ours.
    """

    name: str
    path: Path | None = None
    original_path: str = ""
    group: str = ""
    split: str = ""


@dataclass
class Foreign:
    """A whole source, read. `refused`: (what, why) for every part that was not taken."""

    images: list[ForeignImage] = field(default_factory=list)
    answers: list[ForeignAnswer] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def attributes(self) -> Iterator[str]:
        """The attributes that occur, in the order of their first appearance."""
        return iter(dict.fromkeys(answer.attribute for answer in self.answers))
