"""What an import reports: every image file and every label is counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from annotator.formats.importers.mapping import Mapping


@dataclass
class ImageReport:
    """What became of the image files of a source. Every file is counted in exactly one of the first five fields.

    Args:
        imported: files that became new images.
        already: files that an earlier import imported under the same name.
        duplicates: (name, existing image with the same bytes).
        refused: (name, reason).
        left_aside: files that are not images.
        renamed: (name at the source, name here) of imported files whose name another image had.
        faces: faces that came with their images.
        misfits: images whose face lies outside the image, so that the face was ignored.
        hashes: SHA-256 of each file that was not refused, by its name at the source.
    """

    imported: int = 0
    already: int = 0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    left_aside: int = 0
    faces: int = 0
    misfits: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the report for programs, without the hashes."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "hashes"}


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
        absent_names: the first of them.
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
        notes: what the user should know, in whole sentences.
        proposal: after a dry run with unmapped names: a mapping guessed from them, and how often each occurs.
    """

    source: str
    format: str
    dry_run: bool = False
    images: ImageReport = field(default_factory=ImageReport)
    labels: LabelReport | None = None
    unmapped: dict[str, int] = field(default_factory=dict)
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
            "notes": self.notes,
        }
