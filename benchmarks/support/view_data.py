"""Photos on which views of faces are measured: portraits with skin, whole photos, and CelebA's aligned crops."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from annotator.cli import main as facelabel
from annotator.sample_faces import draw_faces
from benchmarks.support.data import CELEBA, SHARED
from benchmarks.support.lesson_data import YES_NO, Photo, Split, command, export, linked, make_project
from trainer.data.snapshot import Snapshot

TAUGHT = 2000
"""Aligned crops that teach a model which is then asked about whole photos."""
ALIGNED = "aligned"
"""What the names of aligned crops begin with where a snapshot holds whole photos too."""
Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Subject:
    """Photos with answers, and what is asked about them.

    Attributes:
        photos: The photos with the answers that are known.
        values: Attribute → its values.
    """

    photos: list[Photo]
    values: Values

    def snapshot(self, folder: Path) -> Snapshot:
        """Import the photos, search them for faces and export them, by the product's own commands."""
        answers = {photo.file.name: photo.answers | {"identity": photo.person} for photo in self.photos}
        source = linked(self.photos, folder / "photos")
        project = make_project(folder / "made", [source], self.values, answers, Split(test=0.1, val=0.1))
        command(facelabel, "faces", "-p", project)
        return Snapshot.open(export(project, folder / "snapshot"))


def drawn(folder: Path) -> Subject:
    """Drawn faces, to show that the measurement runs."""
    rows = _rows(draw_faces(folder / "drawn", 60, size=128))
    photos = [
        Photo(
            folder / "drawn" / row["image_name"], row["identity"], {"glasses": YES_NO[row["glasses"] != "0"]}
        )
        for row in rows
        if row["identity"]
    ]
    return Subject(photos, {"glasses": YES_NO})


def skin() -> Subject:
    """Studio portraits, from the front and from three quarters, with wrinkles and freckles."""
    return _subject("skin", _rows(SHARED / "skin" / "labels.csv"), ("wrinkles", "freckles"))


def whole_photos() -> Subject:
    """CelebA's photos as they were before they were cut and aligned."""
    return _subject("celeba_wild", _wild_rows(), ("male", "smiling", "wavy_hair"))


def crops_then_photos(folder: Path) -> Subject:
    """Aligned crops of other people, then the whole photos: `ALIGNED` tells them apart."""
    asked = ("male", "glasses", "smiling")
    photos = _subject("celeba_wild", _wild_rows(), asked).photos
    people = {photo.person for photo in photos}
    folder.mkdir(parents=True)
    crops = []
    for row in _celeba_rows():
        if row["identity"] not in people and len(crops) < TAUGHT:
            file = folder / f"{ALIGNED}_{row['image_name']}"
            file.symlink_to(CELEBA / "images" / row["image_name"])
            crops.append(_photo(file, row, asked))
    return Subject([*crops, *photos], dict.fromkeys(asked, YES_NO))


def five_celebrities() -> Subject:
    """The five people of recipe s3; a name tells whether a photo trains or validates."""
    rows = _rows(SHARED / "five_celebrities" / "labels.csv")
    folder = SHARED / "five_celebrities" / "images"
    photos = [Photo(folder / r["image_name"], "", {"who": r["identity"]}) for r in rows]
    return Subject(photos, {"who": tuple(sorted({row["identity"] for row in rows}))})


def _subject(name: str, rows: list[dict[str, str]], asked: tuple[str, ...]) -> Subject:
    photos = [_photo(SHARED / name / "images" / row["image_name"], row, asked) for row in rows]
    return Subject(photos, dict.fromkeys(asked, YES_NO))


def _photo(file: Path, row: Mapping[str, str], asked: tuple[str, ...]) -> Photo:
    answers = {name: YES_NO[row[name] == "1"] for name in asked if row[name] != ""}
    return Photo(file, row["identity"], answers)


def _wild_rows() -> list[dict[str, str]]:
    folder = SHARED / "celeba_wild"
    derived = {row["image_name"]: row for row in _rows(folder / "derived.csv")}
    return [derived[row["image_name"]] | row for row in _rows(folder / "attributes.csv")]


def _celeba_rows() -> list[dict[str, str]]:
    """CelebA's own table as rows of 0 and 1, with the people."""
    identities = dict(line.split() for line in (CELEBA / "identity_CelebA.txt").read_text().splitlines())
    _, header, *lines = (CELEBA / "list_attr_celeba.txt").read_text().splitlines()
    columns = ["image_name", *header.split()]
    rows = []
    for line in lines:
        row = dict(zip(columns, line.split(), strict=True))
        answers = {
            ours: "1" if row[theirs] == "1" else "0"
            for ours, theirs in {"male": "Male", "glasses": "Eyeglasses", "smiling": "Smiling"}.items()
        }
        rows.append(answers | {"image_name": row["image_name"], "identity": identities[row["image_name"]]})
    return rows


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
