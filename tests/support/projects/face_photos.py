"""Photos as a phone takes them: many megapixels, a textured face somewhere in them, and the face in the database."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from annotator.domain.faces.boxes import Box
from annotator.imaging.detector import FoundFace
from annotator.project import ProjectFolder
from annotator.services.faces.detection import write_faces
from tests.support.projects.images import image_of

PHONE = (4000, 3000)
"""Width and height of a photo of 12 megapixels."""


def draw_face_photo(path: Path, faces: list[Box], size: tuple[int, int] = PHONE, seed: int = 0) -> Path:
    """Draw a photo with a face in each box, from the brows to the chin; the skin has pores of two pixels."""
    width, height = size
    chance = np.random.default_rng(seed)
    shade = np.linspace(60, 120, width, dtype=np.uint8)[None, :, None]
    photo = Image.fromarray(np.broadcast_to(shade, (height, width, 3)).copy())
    pen = ImageDraw.Draw(photo)
    for number, box in enumerate(faces):
        wide, high = box.width, box.height
        middle, eyes = (box.left + box.right) // 2, box.top + high // 4
        head = (box.left - wide // 8, box.top - high // 2, box.right + wide // 8, box.bottom + high // 12)
        pen.ellipse(head, (200 - 20 * number, 160, 130))
        mouth = (middle - wide // 5, eyes + high // 2, middle + wide // 5, eyes + high * 5 // 8)
        pen.ellipse(mouth, (150, 60, 60))
        for x in (box.left + wide // 4, box.right - wide // 4):
            pen.ellipse((x - wide // 12, eyes - wide // 24, x + wide // 12, eyes + wide // 24), (40, 30, 30))
        part = photo.crop(head)
        grain = chance.normal(0, 14, (part.height, part.width, 1)).astype(np.float32)
        grain = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1) + np.roll(grain, 1, (0, 1))) / 2
        photo.paste(Image.fromarray(np.clip(np.asarray(part) + grain, 0, 255).astype(np.uint8)), head)
    photo.save(path, quality=95)
    return path


def found_face(box: Box, turn: int = 0) -> FoundFace:
    """The face in a box, in pixels of the photo turned by `turn`, as the search for faces records it."""
    wide, eyes = box.width, box.top + box.height // 4
    across = [box.left + wide * share // 12 for share in (2, 4, 10, 8)]
    points = [*([x, eyes] for x in across), [(box.left + box.right) // 2, eyes + box.height // 3]]
    return FoundFace(turn, box, 1.0, points, bytes(512))


def record_faces(project: ProjectFolder, name: str, faces: list[FoundFace]) -> None:
    """Store the faces of an image, as if the search had been there."""
    image = image_of(project, name)
    with project.database.write() as session:
        write_faces(session, image, faces)
