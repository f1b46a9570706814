"""Drawn sample faces with known answers, to try labelling before there are photos."""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

from annotator.files import write_atomically
from annotator.sample_faces.people import PEOPLE, Person
from annotator.sample_faces.plan import NOT_HUMAN, Answers, plan
from annotator.sample_faces.portrait import draw_face

__all__ = ["NOT_HUMAN", "PEOPLE", "Answers", "Person", "draw_face", "draw_faces"]

HEADER = ("image_name", *Answers._fields, "identity")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def draw_faces(
    folder: Path,
    count: int,
    *,
    seed: int = 0,
    size: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw faces into a folder, and their true answers into `answers.csv`.

    Args:
        folder: the folder for `0001.jpg`, `0002.jpg`, …; created if absent.
        count: the number of images.
        seed: another seed gives other pictures of the same people.
        size: width and height in pixels.
        progress: called after each image with the number of images done and `count`.

    Returns:
        The path of `answers.csv`: `image_name`, the codes of the default schema, and the person's name (empty if
        nobody is shown). It is written after all images. The same arguments give the same bytes.

    Raises:
        ValueError: `count` or `size` is not positive.
    """
    if count < 1 or size < 1:
        raise ValueError(
            f"Cannot draw {count} images of {size} pixels; nothing was written. Give positive numbers."
        )
    folder.mkdir(parents=True, exist_ok=True)
    answers = folder / "answers.csv"
    answers.unlink(missing_ok=True)  # an older file must not describe images that are being replaced
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(HEADER)
    for index, subject in enumerate(plan(count, seed), start=1):
        name = f"{index:04d}.jpg"
        draw_face(subject.answers, subject.person, subject.seed, size=size).save(
            folder / name, "JPEG", quality=90
        )
        rows.writerow((name, *subject.answers, subject.person.name if subject.person else ""))
        if progress:
            progress(index, count)
    for index in range(1, count + 1):  # all at the end, which is many times faster than one by one
        _sync(folder / f"{index:04d}.jpg")
    write_atomically(answers, table.getvalue().encode())
    return answers
