"""Sources to import, and the images that an import made of them."""

import json
import secrets
from pathlib import Path

import cv2
import numpy as np
from sqlalchemy import select

from annotator.config import Settings
from annotator.domain.names import name_of
from annotator.domain.schema import CANNOT_TELL
from annotator.models import Image, Label
from annotator.project import ProjectFolder
from annotator.services.importing.jobs import (
    ImportRequest,
    begin_import,
    get_import,
    import_details,
    start_import,
)
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import receive_piece
from annotator.services.schema.active import active_schema
from tests.support.commands import call


def run_import(project: ProjectFolder, *arguments: object) -> dict:
    """Import sources by the command; returns its report."""
    finished = call("import", *arguments, "--json", "-p", project.path)
    finished.assert_done()
    return json.loads(finished.out)


def groups_by_name(project: ProjectFolder) -> dict[str, str]:
    """The group of every image, by its name."""
    with project.database.read() as session:
        return dict(session.execute(select(Image.name, Image.group)).all())


def make_video(path: Path, frames: int = 20, fps: int = 10) -> Path:
    """Make a video of noise that changes every five frames; its top left corner is white."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (96, 64))
    for number in range(frames):
        picture = np.random.default_rng(number // 5).integers(0, 120, (8, 12, 3), np.uint8)
        frame = cv2.resize(picture, (96, 64), interpolation=cv2.INTER_NEAREST)
        frame[:16, :24] = 255
        writer.write(frame)
    writer.release()
    return path


def try_upload(project: ProjectFolder, name: str, content: bytes) -> int:
    """Upload a file and let a worker try it; returns the number of the import."""
    with project.database.write() as session:
        number = begin_import(session, secrets.token_hex(8), 1, name, len(content), dry_run=True).id
    receive_piece(project, number, 0, content)
    assert run_next_import(project, Settings(), lambda: False)
    return number


def confirm_upload(project: ProjectFolder, number: int, mapping: str, **options: object) -> dict:
    """Import an upload with this mapping; returns the import as the API tells it."""
    request = ImportRequest(mapping=mapping, **options)
    with project.database.write() as session:
        start_import(session, number, request, dry_run=False)
    assert run_next_import(project, Settings(), lambda: False)
    with project.database.read() as session:
        return import_details(get_import(session, number))


def labels_by_image(project: ProjectFolder, attribute: str) -> dict[str, str]:
    """The name of every image's label of an attribute, by the image's name."""
    with project.database.read() as session:
        ids, schema = active_schema(session).ids, active_schema(session).schema
        rows = session.execute(
            select(Image.name, Label.code)
            .join(Label, Label.image_id == Image.id)
            .where(Label.attribute_id == ids[attribute])
        )
        return {
            name: name_of(schema[attribute], CANNOT_TELL if code is None else code) for name, code in rows
        }
