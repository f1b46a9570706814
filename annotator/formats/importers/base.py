"""What the reader of any foreign format gives and its writer takes: images by name, and what is said about their cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from annotator.domain.faces.boxes import Box


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class GivenFace:
    """A face that a source describes, as the detector would have found it.

    Args:
        box: from the brows to the chin, in pixels of the upright image; may reach over its edge.
        points: the five landmarks of the table `faces`.
        of_size: (width, height) of the images it was measured in, None if the source does not say.
    """

    box: Box
    points: tuple[tuple[int, int], ...]
    of_size: tuple[int, int] | None = None

    def fits(self, width: int, height: int) -> bool:
        """Whether it is a face with its landmarks inside an image of this size."""
        inside = all(0 <= x < width and 0 <= y < height for x, y in self.points)
        return inside and self.box.width > 1 and self.of_size in {None, (width, height)}


@dataclass(frozen=True, slots=True)
class ForeignImage:
    """An image that a format names. `path` is None if the format holds labels only.

    Args:
        name: its name in that format, with `/` between folders.
        path: where its bytes are.
        original_path: the name before that tool changed it, if the format knows.
        group: what it must not be split from (a person, a video), "" if the format does not say.
        split: train, val or test as the format says; kept as a note, splits are ours.
        face: the face in it, if the format describes it.
    """

    name: str
    path: Path | None = None
    original_path: str = ""
    group: str = ""
    split: str = ""
    face: GivenFace | None = None


@dataclass
class Foreign:
    """A whole source, read.

    Args:
        images: what it names, and what lies in its folders.
        answers: what it says about them.
        refused: (what, why) for every part that was not taken.
        notes: what its user should know, in whole sentences.
        left_aside: how many files of its folders are neither images nor files of the format.
    """

    images: list[ForeignImage] = field(default_factory=list)
    answers: list[ForeignAnswer] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_aside: int = 0

    def attributes(self) -> Iterator[str]:
        """The attributes that occur, in the order of their first appearance."""
        return iter(dict.fromkeys(answer.attribute for answer in self.answers))
