"""What the reader of every import format returns: images by name, and answers in the source's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from annotator.domain.faces.boxes import Box
from annotator.domain.plurals import counted
from annotator.domain.states import Finder
from annotator.formats.importers.ignored_files import IgnoredFiles


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """The answer of a source about one attribute of one image, in its own words.

    Args:
        image: the image's name at the source.
        attribute: the column, control or attribute; "" if the format has one flat list of labels.
        value: the name or code of the value as the source writes it; None is "can't tell".
        labeller: who answered; "" if the format does not say.
    """

    image: str
    attribute: str
    value: str | None
    labeller: str = ""


@dataclass(frozen=True, slots=True)
class SourceFace:
    """A face that a source describes, in the form in which the detector describes faces.

    Args:
        box: from the brows to the chin, in pixels of the upright image turned clockwise by `turn`; it may reach over the
            edge.
        points: the five landmarks of the table `faces`, in the same pixels.
        of_size: (width, height) of the image that it was measured in; None if the source does not say.
        of_sha256: of the bytes of that image; "" if the source does not say.
        turn: degrees.
        score: the detector's.
        finder: a Finder, or what a newer version calls it.
    """

    box: Box
    points: tuple[tuple[int, int], ...]
    of_size: tuple[int, int] | None = None
    of_sha256: str = ""
    turn: int = 0
    score: float = 0.0
    finder: str = Finder.IMPORT

    def fits(self, width: int, height: int, sha256: str = "") -> bool:
        """Return whether it can be a face of an image of this size with these bytes.

        A detector may place a landmark beyond the edge; landmarks of other sources lie inside the image.
        """
        across, down = (width, height) if self.turn in {0, 180} else (height, width)
        inside = all(0 <= x < across and 0 <= y < down for x, y in self.points)
        measured_here = self.of_size in {None, (width, height)} and self.of_sha256 in {"", sha256}
        return measured_here and self.box.width > 1 and (inside or self.finder != Finder.IMPORT)


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image that a source names.

    Args:
        name: its name at the source, with `/` between folders.
        path: where its bytes are; None if the source holds only labels.
        original_path: the name before a tool changed it, if the source knows it.
        group: a person or video whose images share a split; "" if the source does not say.
        split: train, val or test as the source says. Imports ignore it: splits follow the project's rule.
        faces: the faces in it that the source describes, largest first.
        source: where the image came from before, if the source knows it.
        sha256: of the bytes, if the source tells; labels then belong to the image with these bytes only.
    """

    name: str
    path: Path | None = None
    original_path: str = ""
    group: str = ""
    split: str = ""
    faces: tuple[SourceFace, ...] = ()
    source: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class VideoLength:
    """The length of a video. `frames`: all its frames; `seconds`: the time of the last one."""

    frames: int
    seconds: float


@dataclass
class SourceContents:
    """The contents of a source: its images, and its labels in its own words.

    Args:
        images: the images that it names or that lie in its folders.
        answers: its answers about them.
        refused: (place, reason) of every part of its label files that was not read.
        notes: what the user should know, in whole sentences.
        ignored: the files in its folders that are neither images nor files of the format.
        refused_files: (name, reason) of the files in its folders that cannot be imported at all.
        copies: (path, image name) of image files that hold the same image as another file of the same name.
        found: the number of files in its folders without its label files; 0 if the source is a single file.
        coded: the values of its answers are codes; else they are names, and a number among them is a name too.
        has_empty_words: nan, NA, null and the like stand for an empty cell unless the schema has a value of that name.
        video: the length of a video that was decoded to its end.
    """

    images: list[SourceImage] = field(default_factory=list)
    answers: list[SourceAnswer] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: IgnoredFiles = field(default_factory=IgnoredFiles)
    refused_files: list[tuple[str, str]] = field(default_factory=list)
    copies: list[tuple[str, str]] = field(default_factory=list)
    found: int = 0
    coded: bool = False
    has_empty_words: bool = False
    video: VideoLength | None = None

    def attributes(self) -> Iterator[str]:
        """Return the attributes that occur, in the order of their first appearance."""
        return iter(dict.fromkeys(answer.attribute for answer in self.answers))


def note_on_filled(cells: int, file: str) -> str:
    """What the user should know about a source's values that a model filled, which are never imported as labels.

    Args:
        cells: how many there are.
        file: the name of the file that lists them.
    """
    values = counted(cells, "value that a model filled is", "values that a model filled are")
    return f"{values} left out, because nobody answered them. {file} lists them."
