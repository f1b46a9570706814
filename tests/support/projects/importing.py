"""Sources to import, and the images that an import made of them."""

import json
from pathlib import Path

import cv2
import numpy as np
from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
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
