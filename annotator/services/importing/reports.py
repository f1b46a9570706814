"""What an import reports: every image file and every label is counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping

MOST_NAMES = 1000
"""Names of rows that a report holds in each list; the numbers count all of them."""

_CROWDED_SHARE = 0.1
"""The share of photos with several people or small faces from which it is worth cutting out heads."""

MOST_CANDIDATES = 5
"""Images that a report names for a row that may mean several."""


@dataclass
class ImageReport:
    """What became of the image files of a source.

    Every file is counted in `found`, and in exactly one of imported, already, duplicates, refused and ignored.

    Args:
        found: all files of the source except its label files. Of a video its frames are counted, of a photo that was cut
            into heads the heads.
        imported: files that became new images.
        already: files that an earlier import imported under the same name.
        duplicates: (name, existing image with the same bytes).
        refused: (name, reason).
        excluded: (name, existing image with the same bytes) of files whose image is here and excluded; these are among the
            files imported before and the duplicates.
        ignored: numbers of the files that are not imported, by kind, such as ".xcf files" or "videos".
        renamed: (name at the source, name here) of imported files whose name another image had.
        frames: frames that were taken from a video.
        photos: photos that were cut into heads.
        faces: faces that came with their images.
        misfits: images whose faces lie outside the image or belong to other bytes, so that they were ignored.
        notes: what was unusual about files that were not refused, by name; `image_notes` in the report for programs.
        hashes: SHA-256 of each file that was not refused, by its name at the source.
    """

    found: int = 0
    imported: int = 0
    already: int = 0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    excluded: list[tuple[str, str]] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    photos: int = 0
    faces: int = 0
    misfits: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def left_aside(self) -> int:
        """The number of ignored files."""
        return sum(self.ignored.values())

    def check(self) -> None:
        """Check that every file was counted once.

        Raises:
            FacelabelError: if not, which is a fault of this program.
        """
        counted = self.imported + self.already + len(self.duplicates) + len(self.refused) + self.left_aside
        if counted != self.found:
            raise FacelabelError(
                "files_miscounted",
                f"Internal error: the source holds {self.found} files, and the import accounts for {counted}.",
                kept="What was imported is kept.",
                do="Report this fault with the kinds of files in the source. Importing it again is safe.",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the report for programs, without the hashes."""
        report = {part.name: getattr(self, part.name) for part in fields(self)}
        del report["hashes"]
        report["image_notes"] = report.pop("notes")  # a source has notes, too
        return report | {"left_aside": self.left_aside}


@dataclass(frozen=True)
class HeadSurvey:
    """What a look at some photos of a source showed before they were imported.

    Args:
        photos: the photos of the source.
        looked_at: photos that were looked at and can be decoded.
        crowded: those of them that show several people or small faces.
        cut_before: whether heads were cut out of some of them before; False if some were imported whole, None if the
            project has none of them.
    """

    photos: int
    looked_at: int
    crowded: int
    cut_before: bool | None = None

    @property
    def recommended(self) -> bool:
        """Whether to cut out heads: as before, or else if enough photos are crowded."""
        if self.cut_before is not None:
            return self.cut_before
        return self.crowded > 0 and self.crowded >= _CROWDED_SHARE * self.looked_at

    def as_dict(self) -> dict[str, Any]:
        """Return the survey for programs."""
        return asdict(self) | {"recommended": self.recommended}


@dataclass
class LabelReport:
    """What became of the labels of a source.

    Args:
        rows: rows of labels in the source.
        added: cells that had no label.
        unchanged: cells that had the same label.
        replaced: cells whose earlier imported label was replaced.
        kept: cells that a person had answered differently; the person's answer was kept.
        contradictions: (image name, attribute) of cells that two rows answer differently; the first row counts.
        absent: rows whose image the project does not have.
        absent_names: the names of the first of them.
        excluded: rows whose image is excluded; their labels count if it is restored.
        excluded_names: the names of the first of them.
        ambiguous_rows: rows whose name several images of the project match. They are ignored.
        ambiguous: names of the first of them, with the images that they may mean.
        elsewhere_rows: absent rows with the file name of an image in another folder.
        elsewhere: names of the first of them, with the paths of the images in other folders.
        left_aside: columns that were ignored.
        notes: what had to be guessed about the file.
        values: new labels by attribute and value.
    """

    rows: int = 0
    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    kept: int = 0
    contradictions: list[tuple[str, str]] = field(default_factory=list)
    absent: int = 0
    absent_names: list[str] = field(default_factory=list)
    excluded: int = 0
    excluded_names: list[str] = field(default_factory=list)
    ambiguous_rows: int = 0
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    elsewhere_rows: int = 0
    elsewhere: dict[str, list[str]] = field(default_factory=dict)
    left_aside: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    values: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class SourceReport:
    """What the import of one source did, or would do.

    Args:
        source: its name.
        format: its format.
        dry_run: nothing was changed.
        images: what became of its image files.
        labels: what became of its labels; None if it has no labels.
        unmapped: labels without a counterpart in the schema, with their counts.
        unread: (place, reason) of every part of its label files that was not read.
        heads: what a look at its photos showed; None if it was not looked at them.
        notes: what the user should know, in whole sentences.
        proposal: after a dry run with unmapped names: a mapping guessed from them, and how often each occurs.
    """

    source: str
    format: str
    dry_run: bool = False
    images: ImageReport = field(default_factory=ImageReport)
    labels: LabelReport | None = None
    unmapped: dict[str, int] = field(default_factory=dict)
    unread: list[tuple[str, str]] = field(default_factory=list)
    heads: HeadSurvey | None = None
    notes: list[str] = field(default_factory=list)
    proposal: tuple[Mapping, Counter[str]] | None = None

    @property
    def all_refused(self) -> bool:
        """Whether there were files and every one was refused."""
        images = self.images
        accepted = images.imported or images.already or images.duplicates
        return bool(images.refused) and not accepted and self.labels is None and not self.unmapped

    def as_dict(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "source": self.source,
            "format": self.format,
            "dry_run": self.dry_run,
            "images": self.images.as_dict(),
            "labels": asdict(self.labels) if self.labels else None,
            "unmapped": self.unmapped,
            "unread": self.unread,
            "heads": self.heads.as_dict() if self.heads else None,
            "notes": self.notes,
        }
