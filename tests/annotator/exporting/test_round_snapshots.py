"""Snapshots of rounds equal exported ones byte for byte, and share unchanged data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text

from annotator.domain.schema import parse_schema
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.models import Image, Project
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.sample_faces import draw_faces
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.schema_editing.changes import apply_schema
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.labelling import ALL, Person


def contents(folder: Path) -> dict[str, Any]:
    """The files, and the manifest without its time."""
    verify_snapshot(folder)
    found: dict[str, Any] = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = json.loads(found.pop("manifest.json"))
    return found | {"manifest": manifest | {"created_at": "", "manifest_hash": ""}}


class Rounds:
    """A project whose rounds write snapshots."""

    def __init__(self, project: ProjectFolder, place: Path) -> None:
        self.project, self.place, self.snapshots = project, place, RoundSnapshots(project)
        self.number = 0

    def write(self) -> Path:
        """Write the next snapshot, and see that an export says the same."""
        self.number += 1
        folder, exported = self.place / f"{self.number}", self.place / f"exported {self.number}"
        self.snapshots.write(folder)
        export_snapshot(self.project, exported, SnapshotOptions(card=False))
        assert contents(folder) == contents(exported)
        return folder

    def version(self) -> int:
        with self.project.database.read() as session:
            return session.scalars(select(Project.images_version)).one()


@pytest.fixture
def rounds(filled: ProjectFolder, tmp_path: Path) -> Rounds:
    return Rounds(filled, tmp_path / "rounds")


def share_images(first: Path, second: Path) -> bool:
    return (first / "images.csv").samefile(second / "images.csv")


def test_answers_change_the_labels_and_share_the_images(rounds: Rounds):
    me = Person(rounds.project)
    folders = [rounds.write()]
    for answers in (ALL, {"glasses": 1}, {"not_human": 1}, {"hair_top": None}):
        me.answer(me.next()[0], answers)
        folders.append(rounds.write())
    me.undo()
    folders.append(rounds.write())
    assert all(share_images(folders[0], folder) for folder in folders)
    assert len({(folder / "labels.csv").read_bytes() for folder in folders}) == 5, "undone: as before"


def test_has_all_images_tells_whether_the_project_has_other_images(rounds: Rounds, tmp_path: Path):
    first, second = rounds.write(), rounds.write()
    assert [rounds.snapshots.has_all_images(folder) for folder in (first, second)] == [False, True]
    import_more(rounds.project, tmp_path)
    assert not rounds.snapshots.has_all_images(second)


def import_more(project: ProjectFolder, place: Path) -> None:
    draw_faces(place / "more", 3, size=80)
    import_images(project, [place / "more"], LIMITS)


def name_people(project: ProjectFolder, _: Path) -> None:
    me = Person(project)
    for task in me.next(6):
        me.answer(task, ALL | {"identity": "Ada"})


def remove_an_image(project: ProjectFolder, _: Path) -> None:
    with project.database.write() as session:
        session.execute(delete(Image).where(Image.id == 3))


@pytest.mark.parametrize("change", [import_more, name_people, remove_an_image])
def test_a_change_of_the_images_is_detected(
    rounds: Rounds, tmp_path: Path, change: Callable[[ProjectFolder, Path], None]
):
    before = rounds.write()
    change(rounds.project, tmp_path)
    after = rounds.write()
    assert (before / "images.csv").read_bytes() != (after / "images.csv").read_bytes()
    assert share_images(after, rounds.write())


def test_a_change_of_the_schema_is_detected(rounds: Rounds):
    before = rounds.write()
    wanted = (
        resource("attributes.toml")
        .read_text(encoding="utf-8")
        .replace('name = "sunglasses"', 'name = "dark glasses"')
    )
    with rounds.project.database.write() as session:
        apply_schema(session, parse_schema(wanted))
    after = rounds.write()
    assert share_images(before, after)
    assert b"dark glasses" in (after / "attributes.csv").read_bytes()


def test_the_version_depends_on_exactly_what_images_csv_shows(rounds: Rounds):
    in_file = {  # an excluded image has no row
        "exclusion_id", "name", "sha256", "extension", "width", "height", "split", "group_key", "source", "original_path", "crop_box",
    }  # fmt: skip
    for column in Image.__table__.columns:
        if column.primary_key:
            continue
        others = {int: f"coalesce({column.name}, 0) + 1", str: "'other'"}
        other = others.get(column.type.python_type, "'2001-02-03 04:05:06'")
        for value, changes in ((column.name, False), (other, column.name in in_file)):
            before = rounds.version()
            with rounds.project.database.write() as session:
                session.execute(text(f"UPDATE images SET {column.name} = {value} WHERE id = 1"))
            assert (rounds.version() > before) == changes, column.name


def test_a_new_image_changes_the_version(rounds: Rounds):
    before = rounds.version()
    with rounds.project.database.write() as session:
        row = dict(session.execute(select(Image.__table__).where(Image.id == 1)).mappings().one())
        session.execute(insert(Image.__table__), row | {"id": 99, "name": "new", "sha256": "new"})
    assert rounds.version() > before


def test_a_missing_images_csv_is_written_again(rounds: Rounds):
    before = rounds.write()
    (before / "images.csv").unlink()
    rounds.write()
    rounds.snapshots.forget()
    after = rounds.write()
    assert (after / "images.csv").stat().st_nlink == 1
