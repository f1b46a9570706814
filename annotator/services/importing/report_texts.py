"""What an import did, in whole sentences: the command and the import page say the same."""

from __future__ import annotations

from annotator.formats.importers.ignored_files import counted_kinds
from annotator.services.importing.reports import HeadSurvey, ImageReport, LabelReport

_SHOWN = 5


def image_texts(images: ImageReport, *, dry_run: bool) -> list[str]:
    """Say what became of the files of a source: one sentence that counts every file, and one of the ignored kinds."""
    would = "would be " if dry_run else ""
    texts = []
    if images.frames:
        texts.append(f"{images.frames:,} frames were taken from the video.")
    if images.photos:
        texts.append(f"{images.photos:,} photos were cut into heads.")
    texts.append(
        f"{images.found} files found: {images.imported} images {would}imported, {images.already} were imported before, "
        f"{len(images.duplicates)} are duplicates, {len(images.refused)} refused, {images.left_aside} other files ignored."
    )
    if images.ignored:
        texts.append(f"Ignored: {counted_kinds(images.ignored)}.")
    return texts


def heads_text(heads: HeadSurvey) -> str:
    """Say why heads should be cut out of photos, as a clause without a full stop."""
    if heads.cut_before:
        return "Heads were cut out of these photos before"
    looked_at = "" if heads.looked_at == heads.photos else " looked at"
    return f"{heads.crowded} of {heads.looked_at:,} photos{looked_at} show several people or small faces"


def unmatched_texts(labels: LabelReport) -> list[str]:
    """Say which rows were not imported because their image is unknown, or is not clear."""
    texts = []
    if labels.absent:
        texts.append(
            f"{labels.absent} rows name images that the project does not have: {_first(labels.absent_names, labels.absent)}."
        )
    if labels.elsewhere:
        named = [f"{name} is not {' or '.join(paths)}" for name, paths in labels.elsewhere.items()]
        texts.append(
            f"{labels.elsewhere_rows} of them have the file name of an image in another folder, which is another image: "
            f"{_first(named, labels.elsewhere_rows)}."
        )
    if labels.ambiguous:
        named = [f"{name} may be {' or '.join(images)}" for name, images in labels.ambiguous.items()]
        texts.append(
            f"{labels.ambiguous_rows} rows were ignored, because several images match their name: "
            f"{_first(named, labels.ambiguous_rows)}. Write the names with their folders."
        )
    return texts


def _first(texts: list[str], count: int) -> str:
    shown = texts[:_SHOWN]
    return ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")
