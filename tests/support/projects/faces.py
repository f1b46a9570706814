"""Faces of a project's images, given instead of detected, and the faces.csv of a snapshot."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import select

from annotator.domain.faces.boxes import Box
from annotator.domain.schema import canonical_json
from annotator.domain.states import Finder
from annotator.formats.snapshot.manifest import hash_manifest
from annotator.formats.snapshot.writer import content_hash
from annotator.imaging.detector import FoundFace
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.faces.detection import write_faces

UPRIGHT = FoundFace(
    0,
    Box(30, 28, 72, 70),
    1.2345678901234567,
    [[36, 42], [44, 41], [66, 42], [58, 41], [51, 55]],
    b"\0" * 512,
)
TURNED = FoundFace(
    90, Box(-3, 5, 20, 28), 0.5, [[2, 9], [5, 9], [14, 9], [11, 9], [8, 15]], b"\0" * 512, Finder.CNN
)
"""A face in the image turned clockwise by 90 degrees; its box reaches over the edge."""


def give_faces(project: ProjectFolder, faces: Mapping[str, Sequence[FoundFace]]) -> None:
    """Record that the search found these faces, by image name."""
    with project.database.write() as session:
        for image, name in session.execute(select(Image.id, Image.name).where(Image.name.in_(faces))).all():
            write_faces(session, image, list(faces[name]))


def read_faces_csv(snapshot: Path) -> list[dict[str, str]]:
    """The rows of a snapshot's faces.csv."""
    with (snapshot / "faces.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rewrite_faces_csv(snapshot: Path, text: str) -> None:
    """Replace faces.csv by another text that the manifest vouches for, as a hostile author does."""
    (snapshot / "faces.csv").write_text(text, encoding="utf-8")
    manifest = json.loads((snapshot / "manifest.json").read_text(encoding="utf-8"))
    content = text.encode()
    manifest["files"]["faces.csv"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["content_hash"] = content_hash(manifest["files"])
    del manifest["manifest_hash"]
    sealed = manifest | {"manifest_hash": hash_manifest(manifest)}
    (snapshot / "manifest.json").write_text(canonical_json(sealed), encoding="utf-8")
