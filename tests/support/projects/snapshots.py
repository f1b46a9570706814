"""Labels to export, and the labels that a snapshot holds."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from annotator.domain.schema import CANNOT_TELL, Schema, parse_schema
from annotator.formats.snapshot.images import BATCH, MISSING, ImageBatch, SnapshotImage
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.projects.labelling import ALL, Person

SCHEMA = parse_schema(resource("attributes.toml").read_text(encoding="utf-8"))
ANY_NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
"""Any name that an image may have."""


def label_some(project: ProjectFolder) -> None:
    """Label twelve images of three people completely, and a thirteenth in part."""
    me = Person(project)
    for position, task in enumerate(me.next(12)):
        me.answer(task, ALL | {"identity": f"person {position % 3}"})
    [task] = me.next()
    me.answer(task, {"glasses": 1, "hair_top": None})


def exported_labels(project: Path, to: Path) -> dict[str, dict[str, str]]:
    """Export a snapshot to the folder `to`; returns its labels by image and attribute."""
    export_snapshot(ProjectFolder.open(project), to, SnapshotOptions())
    with (to / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row.pop("image_name"): {k: v for k, v in row.items() if v} for row in csv.DictReader(file)}


def in_batches(images: Iterable[SnapshotImage], schema: Schema) -> Iterator[ImageBatch]:
    """Images and their labels by columns, as the snapshot's writer takes them."""
    rest = iter(images)
    while some := list(islice(rest, BATCH)):
        yield ImageBatch(
            names=[image.name for image in some],
            sha256=[image.sha256 for image in some],
            extensions=[image.extension for image in some],
            widths=[image.width for image in some],
            heights=[image.height for image in some],
            splits=[image.split for image in some],
            groups=[image.group for image in some],
            sources=[image.source for image in some],
            original_paths=[image.original_path for image in some],
            done=[image.done for image in some],
            crop_boxes=[image.crop_box for image in some],
            codes={a.name: np.array([_code(image, a.name) for image in some]) for a in schema.attributes},
        )


def _code(image: SnapshotImage, attribute: str) -> int:
    code = image.labels.get(attribute, MISSING)
    return CANNOT_TELL if code is None else code
