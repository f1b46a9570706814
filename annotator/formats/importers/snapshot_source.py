"""Reading a Facelabel snapshot as a source, which is how projects are merged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from annotator.domain.faces.boxes import Box
from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME
from annotator.errors import FacelabelError
from annotator.formats.importers.base import (
    SourceAnswer,
    SourceContents,
    SourceFace,
    SourceImage,
    note_on_filled,
)
from annotator.formats.importers.safe_readers import image_name, plain_text, read_csv_records, refuse
from annotator.formats.snapshot.faces import FACES, read_checked_faces
from annotator.formats.snapshot.filled.cells import FILLED, read_filled_cells
from annotator.formats.snapshot.manifest import read_manifest, sha256_of, verify_files

_LABELS = "labels.csv"
_IMAGE_COLUMNS = ("image_name", "file", "group", "split", "original_path")


def recognise(path: Path) -> bool:
    """Return whether a path is a snapshot with a valid manifest, or the unchanged labels.csv in one.

    Only the manifest tells whether labels.csv holds codes or names.
    """
    folder = path.parent if path.name == _LABELS else path
    try:
        manifest = read_manifest(folder, "facelabel-snapshot")
        return folder == path or manifest["files"][_LABELS]["sha256"] == sha256_of(path)
    except (FacelabelError, OSError, KeyError, TypeError):
        return False


def read(path: Path) -> SourceContents:
    """Read a snapshot of codes or of names, or only its labels.csv; the values of the answers are names.

    Cells that a model filled are left out, and a note says how many: nobody answered them, and their certificate holds in
    their own project only.

    Raises:
        FacelabelError: if a file of its manifest was changed, or it does not follow FORMATS.md.
    """
    if path.name == _LABELS:
        contents = read(path.parent)
        contents.images = [replace(image, path=None) for image in contents.images]
        return contents
    manifest = read_manifest(path, "facelabel-snapshot")
    try:
        verify_files(path, manifest)
        root = path / str(manifest["images"]["root"])
        coded = manifest["cells"] == "codes"
    except (AttributeError, KeyError, TypeError) as error:
        refuse(path / "manifest.json", f"it does not follow FORMATS.md ({error!r})")
    contents = SourceContents()
    contents.images = [
        _image(path / "images.csv", where, row, root)
        for where, row in read_csv_records(path / "images.csv", _IMAGE_COLUMNS)
    ]
    if FACES in manifest["files"]:
        _add_faces(path, contents.images)
    names = {
        (row["attribute"], row["code"]): row["name"]
        for _, row in read_csv_records(path / "attributes.csv", ("attribute", "code", "name"))
    }
    filled = {(cell.image_name, cell.attribute) for cell in read_filled_cells(path, manifest)}
    if filled:
        contents.notes.append(note_on_filled(len(filled), FILLED))
    cannot_tell = str(CANNOT_TELL) if coded else CANNOT_TELL_NAME
    for where, row in read_csv_records(path / "labels.csv", ("image_name",)):
        image = image_name(path, where, row.pop("image_name"))
        for attribute, cell in row.items():
            if not cell or (image, attribute) in filled:
                continue
            value: str | None = None
            if cell != cannot_tell:
                value = names.get((attribute, cell)) if coded else cell
                if value is None:
                    refuse(path, f"the code {cell[:20]!r} of {attribute} is not in attributes.csv", where)
                value = plain_text(path, where, value, attribute)
            contents.answers.append(SourceAnswer(image, attribute, value))
    return contents


def _add_faces(path: Path, images: list[SourceImage]) -> None:
    """Give the images the faces of faces.csv."""
    faces: dict[str, list[SourceFace]] = {}
    for part in read_checked_faces(path):
        for name, (width, height), turn, box, points, score, finder in part.rows():
            landmarks = tuple((x, y) for x, y in points)
            face = SourceFace(Box(*box), landmarks, (width, height), "", turn, score, finder)
            faces.setdefault(name, []).append(face)
    for number, image in enumerate(images):
        of_image = [replace(face, of_sha256=image.sha256) for face in faces.get(image.name, ())]
        images[number] = replace(image, faces=tuple(of_image))


def _image(path: Path, where: str, row: dict[str, Any], root: Path) -> SourceImage:
    name = image_name(path, where, row["image_name"])
    file = PurePosixPath(row["file"])
    if file.is_absolute() or ".." in file.parts:
        refuse(path, f"the file {row['file'][:60]!r} leads out of the images", where)
    place = root / file
    group = row["group"]
    return SourceImage(
        name,
        place if place.is_file() else None,
        original_path=row["original_path"],
        group="" if group.startswith("image:") else group,
        split=row["split"],
        source=row.get("source", ""),
        sha256=row.get("sha256", ""),
    )
