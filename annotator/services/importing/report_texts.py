"""What an import did, in whole sentences: the command and the import page say the same."""

from __future__ import annotations

from annotator.domain.plurals import counted
from annotator.formats.importers.ignored_files import counted_kinds
from annotator.services.importing.reports import HeadSurvey, ImageReport, LabelReport

_SHOWN = 5

FOLDERS_ADVICE = (
    "A name and the path of its image must agree in every folder that both have: write the folders that the images have in "
    "the project, or only the file names if these are unique."
)
"""What to do about labels whose folders contradict those of the images."""


def image_texts(images: ImageReport, *, dry_run: bool) -> list[str]:
    """Say what became of the files of a source: one sentence that counts every file, and one of the ignored kinds."""
    would = "would be " if dry_run else ""
    texts = []
    if images.frames:
        texts.append(f"{counted(images.frames, 'frame was', 'frames were')} taken from the video.")
    if images.photos:
        texts.append(f"{counted(images.photos, 'photo was', 'photos were')} cut into heads.")
    parts = [
        f"{counted(images.imported, 'image', 'images')} {would}imported",
        f"{images.already:,} imported before",
        counted(len(images.duplicates), "duplicate", "duplicates"),
        f"{len(images.refused):,} refused",
        f"{counted(images.left_aside, 'other file', 'other files')} ignored",
    ]
    texts.append(f"{counted(images.found, 'file', 'files')} found: {', '.join(parts)}.")
    if images.excluded:
        what = counted(
            len(images.excluded), "file is here already and excluded", "files are here already and excluded"
        )
        names = [name if name == here else f"{name} (as {here})" for name, here in images.excluded]
        texts.append(
            f"{what}: {_first(names, len(names))}. To count an excluded image again: `facelabel include`."
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
    """Say which rows do not count because their image is unknown, not clear, or excluded."""
    texts = []
    if labels.absent:
        what = counted(
            labels.absent,
            "row names an image that the project does not have",
            "rows name images that the project does not have",
        )
        texts.append(f"{what}: {_first(labels.absent_names, labels.absent)}.")
    if labels.excluded:
        what = counted(labels.excluded, "row is about an image", "rows are about images")
        texts.append(
            f"{what} that this project has excluded; the labels are kept, and count if the images are restored: "
            f"{_first(labels.excluded_names, labels.excluded)}."
        )
    if labels.elsewhere:
        named = [f"{name} is not {' or '.join(paths)}" for name, paths in labels.elsewhere.items()]
        what = counted(labels.elsewhere_rows, "of them has", "of them have")
        texts.append(
            f"{what} the file name of an image in another folder, which is another image: "
            f"{_first(named, labels.elsewhere_rows)}. {FOLDERS_ADVICE}"
        )
    if labels.ambiguous:
        named = [f"{name} may be {' or '.join(images)}" for name, images in labels.ambiguous.items()]
        what = counted(
            labels.ambiguous_rows,
            "row was ignored, because several images match its name",
            "rows were ignored, because several images match their names",
        )
        texts.append(f"{what}: {_first(named, labels.ambiguous_rows)}. Write the names with their folders.")
    return texts


def _first(texts: list[str], count: int) -> str:
    shown = texts[:_SHOWN]
    return ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")
