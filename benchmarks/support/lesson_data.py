"""Photos of people with their answers, made into films, projects and snapshots by the product's own commands."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from click.testing import CliRunner

from annotator.cli import main as facelabel
from annotator.sample_faces import draw_faces
from benchmarks.support.data import CELEBA

SLIDESHOW = CELEBA.with_name("videos") / "celeba_slideshow_1fps_720p.mp4"
YES_NO = ("no", "yes")
HAIR = ("black", "brown", "blond", "gray", "none")
VALUES = {
    "glasses": YES_NO, "hair_color": HAIR, "hair_top": ("full", "receding", "bald", "covered"), "young": YES_NO, "male": YES_NO,
}  # fmt: skip
"""Attributes of the development data and their values."""
FRAMES_PER_SECOND = 5
FRAMES = 4
SHAKE = 0.03
"""By how much of the side a film's frames are shifted and zoomed at most, as a hand that holds a phone."""


@dataclass(frozen=True)
class Photo:
    """An image file, whom it shows, and the value of every attribute that is known of it."""

    file: Path
    person: str
    answers: dict[str, str]


def photos(folder: Path, *, drawn: int | None) -> list[Photo]:
    """The development data's faces, or so many drawn ones (wrinkles stand for age and sex there)."""
    if drawn is None and CELEBA.is_dir():
        rows = _rows(CELEBA / "derived.csv")
        return [_photo(CELEBA / "images", row) for row in rows]
    rows = _rows(draw_faces(folder / "drawn", drawn or 600, size=96))
    return [
        Photo(folder / "drawn" / row["image_name"], row["identity"], _answers_to_drawn(row))
        for row in rows
        if row["identity"]
    ]


def _answers_to_drawn(row: dict[str, str]) -> dict[str, str]:
    """The codes of a drawn face as some values of the attributes of real ones: that there are several is what counts."""
    asked = {
        "glasses": "glasses",
        "hair_color": "hair_color",
        "hair_top": "hair_top",
        "young": "wrinkles",
        "male": "wrinkles",
    }
    return {name: VALUES[name][int(row[drawn]) % len(VALUES[name])] for name, drawn in asked.items()}


def _photo(folder: Path, row: dict[str, str]) -> Photo:
    answers = {name: row[name] for name in VALUES if row[name]}
    return Photo(folder / row["image_name"], row["identity"], answers)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def people_with_most(known: Iterable[Photo], count: int, each: int) -> list[Photo]:
    """So many photos at most of each of the people who have most of them."""
    of_person: dict[str, list[Photo]] = defaultdict(list)
    for photo in known:
        of_person[photo.person].append(photo)
    most = sorted(of_person, key=lambda person: (-len(of_person[person]), person))[:count]
    return [photo for person in most for photo in of_person[person][:each]]


def slideshow(folder: Path) -> list[Photo]:
    """The pictures of the slideshow, one a second, as files; nobody knows whom they show."""
    capture = cv2.VideoCapture(str(SLIDESHOW))
    found = []
    for row in _rows(SLIDESHOW.with_suffix(".csv")):
        whole, picture = capture.read()
        assert whole, "the slideshow has a picture for each of its labels"
        file = folder / row.pop("filename")
        cv2.imwrite(str(file), picture)
        found.append(Photo(file, file.stem, {name: value for name, value in row.items() if value}))
    return found


def film(photo: Photo, to: Path, *, seed: int) -> None:
    """Write a video of one second in which a hand that is not quite still holds the photo before the camera."""
    picture = cv2.imread(str(photo.file))
    height, width = (side // 2 * 2 for side in picture.shape[:2])  # the codec wants even sides
    random = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(to), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (width, height))
    for _ in range(FRAMES):
        zoom = 1 + random.uniform(0, SHAKE)
        x, y = random.uniform(-SHAKE, SHAKE, 2) * (width, height)
        move = np.array([[zoom, 0, x], [0, zoom, y]])
        writer.write(cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE))
    writer.release()


def command(group: click.Group, *arguments: object) -> Any:
    """Call `facelabel` or `trainer` as a person does, without starting Python anew; return what it prints as JSON."""
    done = CliRunner().invoke(group, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, f"{' '.join(map(str, arguments))}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1]) if "--json" in arguments else None


@dataclass(frozen=True)
class Split:
    """How a project divides its images, and whether the people in them are kept on one side."""

    seed: int = 0
    test: float = 0.25
    val: float = 0.15
    people_together: bool = True


def make_project(
    folder: Path,
    sources: Iterable[Path],
    attributes: Mapping[str, Iterable[str]],
    answers: Mapping[str, Mapping[str, str]],
    split: Split,
) -> Path:
    """Make a project with a schema, import sources and answers into it, and return its folder.

    Args:
        folder: Is made.
        sources: As `facelabel import` takes them.
        attributes: Name → its values.
        answers: Image name, or the first part of it (a video), → attribute → value; `identity` is a person's name.
        split: How it is divided.
    """
    folder.mkdir(parents=True)
    schema = folder / "asked.toml"
    schema.write_text(_schema(attributes, people_together=split.people_together))
    project = ["-p", folder / "project"]
    shares = ["--seed", split.seed, "--test-share", split.test, "--val-share", split.val]
    command(facelabel, "init", "--schema", schema, *shares, *project)
    command(facelabel, "import", *sources, *project)
    command(facelabel, "export", "--to", folder / "before", *project)
    columns = [*attributes, "identity"]
    with (folder / "labels.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["image_name", *columns])
        for row in _rows(folder / "before" / "images.csv"):
            known = answers[row["image_name"].split("/")[0]]
            table.writerow([row["image_name"], *(known.get(name, "") for name in columns)])
    command(facelabel, "import", folder / "labels.csv", *project)
    return folder / "project"


def import_videos(films: Path, room: Path) -> Path:
    """The films' frames as a snapshot, a group per video; a project of any seed imports it much faster than the videos."""
    made = ["-p", room / "videos"]
    command(facelabel, "init", *made)
    command(facelabel, "import", *sorted(films.iterdir()), "--fps", FRAMES_PER_SECOND, *made)
    return export(room / "videos", room / "imported", "--images", "copy")


def _schema(attributes: Mapping[str, Iterable[str]], *, people_together: bool) -> str:
    text = "version = 1\n"
    for key, (name, values) in zip("abcdefg", attributes.items(), strict=False):
        listed = ", ".join(f'{{ code = {code}, name = "{value}" }}' for code, value in enumerate(values))
        text += f'\n[[attribute]]\nname = "{name}"\nkey = "{key}"\nvalues = [{listed}]\n'
    groups = str(people_together).lower()
    return f'{text}\n[[attribute]]\nname = "identity"\nkey = "i"\nkind = "open"\nrequired = false\ngroups = {groups}\n'


def export(project: Path, to: Path, *options: object) -> Path:
    """Export a snapshot and return its folder."""
    command(facelabel, "export", "--to", to, *options, "-p", project)
    return to


def frames_as_photos(snapshot: Path, folder: Path) -> Path:
    """A folder with the images of a snapshot by their names, as a program that knows no groups leaves a video's frames."""
    for row in _rows(snapshot / "images.csv"):
        place = folder / row["image_name"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(snapshot / "images" / row["file"])
    return folder


def linked(known: Iterable[Photo], folder: Path) -> Path:
    """A folder with nothing but these photos."""
    folder.mkdir(parents=True)
    for photo in known:
        (folder / photo.file.name).symlink_to(photo.file)
    return folder


def six_questions(known: Sequence[Photo], folder: Path, *, images: int, split: Split) -> Path:
    """A snapshot of so many of the photos, drawn by lot, with all that is known of them, divided by person."""
    random = np.random.default_rng(0)
    chosen = [known[i] for i in sorted(random.permutation(len(known))[:images])]
    answers = {p.file.name: p.answers | {"identity": p.person} for p in chosen}
    shown = linked(chosen, folder / "photos")
    return export(make_project(folder / "made", [shown], VALUES, answers, split), folder / "snapshot")
