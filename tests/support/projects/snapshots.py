"""Labels to export, and the labels that a snapshot holds."""

import csv
from pathlib import Path

from hypothesis import strategies as st

from annotator.domain.schema import parse_schema
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
