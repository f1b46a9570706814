"""Labels from CSV files: the coursework's form, and any other form through a mapping."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.importing.labels import import_labels
from annotator.services.projects import init_project
from tests.support.paths import CHECKOUT
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.labelling import Person, done_count, labels_of

HEADER = "image_name,wrinkles,freakles,glasses,hair_color,hair_top,human_not_human\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def exported(project: ProjectFolder, to: Path) -> list[dict[str, str]]:
    export_snapshot(project, to, SnapshotOptions())
    with (to / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def make_images(folder: Path, names: list[str]) -> None:
    """Make a small image for every name, each different from the others."""
    folder.mkdir()
    for number, name in enumerate(names):
        Image.new("RGB", (16, 16), (number % 256, number // 256, 0)).save(folder / name, "BMP")


def assert_round_trip(tmp_path: Path, table: Path) -> None:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    make_images(tmp_path / "images", [row["image_name"] for row in rows])
    project = init_project(tmp_path / "project")
    import_images(project, [tmp_path / "images"], LIMITS)
    report = import_labels(project, table)
    assert (report.rows, report.added, report.absent) == (len(rows), 6 * len(rows), 0)
    back = exported(project, tmp_path / "snapshot")
    names = {"freakles": "freckles", "human_not_human": "not_human"}
    for row, again in zip(sorted(rows, key=lambda r: r["image_name"]), back, strict=True):
        assert {names.get(k, k): v for k, v in row.items()} | {"identity": ""} == again
    project.database.close()


def test_the_courseworks_form_comes_back_row_for_row(tmp_path: Path):
    rows = "".join(
        f"emotion_{i:03d}.jpg,{i % 2},{i % 3 == 0:d},{i % 3},{i % 9},{i % 4},{i % 7 == 0:d}\n"
        for i in range(60)
    )
    assert_round_trip(tmp_path, write(tmp_path / "annotations.csv", HEADER + rows))


@pytest.mark.shared
def test_the_real_coursework_file_comes_back_row_for_row(tmp_path: Path, shared: Path):
    assert_round_trip(tmp_path, shared / "comp1804" / "annotations.csv")


def test_rows_of_absent_images_are_reported_and_create_no_image(filled: ProjectFolder, tmp_path: Path):
    table = write(tmp_path / "a.csv", HEADER + "0001.jpg,1,0,0,2,1,0\nghost.jpg,1,0,0,2,1,0\n")
    report = import_labels(filled, table)
    assert (report.added, report.absent, report.absent_names) == (6, 1, ["ghost.jpg"])
    assert [row["image_name"] for row in exported(filled, tmp_path / "s")] == [
        f"{i:04d}.jpg" for i in range(1, 41)
    ]


def test_a_file_that_names_none_of_the_images_is_refused(filled: ProjectFolder, tmp_path: Path):
    with pytest.raises(FacelabelError, match=r"No row of"):
        import_labels(filled, write(tmp_path / "a.csv", HEADER + "ghost.jpg,1,0,0,2,1,0\n"))


def test_importing_twice_adds_nothing_and_a_newer_file_replaces_the_older(
    filled: ProjectFolder, tmp_path: Path
):
    table = write(tmp_path / "a.csv", HEADER + "0001.jpg,1,0,0,2,1,0\n")
    import_labels(filled, table)
    again = import_labels(filled, table)
    assert (again.added, again.unchanged) == (0, 6)
    newer = import_labels(filled, write(tmp_path / "b.csv", "image_name,glasses\n0001.jpg,2\n"))
    assert (newer.added, newer.replaced) == (0, 1)
    assert exported(filled, tmp_path / "s")[0]["glasses"] == "2"
    assert done_count(filled) == 1


def test_a_persons_answer_is_kept(filled: ProjectFolder, tmp_path: Path):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, {"glasses": 1})
    report = import_labels(filled, write(tmp_path / "a.csv", f"image_name,glasses\n{task.image_name},2\n"))
    assert (report.kept, report.replaced) == (1, 0)
    assert labels_of(filled, task.image_id) == {"glasses": 1}


def test_an_image_with_two_different_rows_is_refused(filled: ProjectFolder, tmp_path: Path):
    table = write(tmp_path / "a.csv", "image_name,glasses\n0001.jpg,0\n0002.jpg,1\n0001.jpg,2\n")
    with pytest.raises(FacelabelError, match=r"line 4: '0001.jpg' has another row"):
        import_labels(filled, table)
    same = write(tmp_path / "b.csv", "image_name,glasses\n0001.jpg,0\n0001.jpg,0\n")
    assert import_labels(filled, same).added == 1


def test_two_names_of_one_image_that_disagree_are_reported(
    project: ProjectFolder, faces: Path, tmp_path: Path
):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes((faces / "0001.jpg").read_bytes())
    import_images(project, [folder], LIMITS)
    report = import_labels(project, write(tmp_path / "a.csv", "image_name,glasses\na.jpg,1\nb.jpg,2\n"))
    assert (report.added, report.contradictions) == (1, [("b.jpg", "glasses")])
    assert exported(project, tmp_path / "s")[0]["glasses"] == "1"


def test_a_mapping_renames_columns_and_values(filled: ProjectFolder, tmp_path: Path):
    mapping = write(
        tmp_path / "map.toml",
        'image = "file"\n[columns.specs]\nattribute = "glasses"\nvalues = { round = "glasses", none = "0", "?" = "" }\n'
        '[columns.note]\nattribute = ""\n',
    )
    table = write(tmp_path / "a.csv", "file,specs,note\n0001.jpg,round,x\n0002.jpg,none,y\n0003.jpg,?,z\n")
    report = import_labels(filled, table, Mapping.read(mapping))
    assert (report.added, report.left_aside) == (2, ["note"])
    assert [row["glasses"] for row in exported(filled, tmp_path / "s")[:3]] == ["1", "0", ""]


def test_people_are_imported_by_name_and_group_their_images(filled: ProjectFolder, tmp_path: Path):
    import_labels(
        filled, write(tmp_path / "a.csv", "image_name,identity\n0001.jpg,2880\n0002.jpg,17\n0003.jpg,2880\n")
    )
    export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    with (tmp_path / "s" / "images.csv").open(newline="") as file:
        found = [(row["group"], row["split"]) for row in csv.DictReader(file)][:3]
    assert [group for group, _ in found] == ["identity:0", "identity:1", "identity:0"]
    assert found[0] == found[2]
    assert "identity,0,2880,active" in (tmp_path / "s" / "attributes.csv").read_text()


def test_cannot_tell_is_imported_and_exported_as_minus_one(filled: ProjectFolder, tmp_path: Path):
    import_labels(filled, write(tmp_path / "a.csv", "image_name,glasses\n0001.jpg,-1\n0002.jpg,can't tell\n"))
    assert [row["glasses"] for row in exported(filled, tmp_path / "s")[:2]] == ["-1", "-1"]


@pytest.mark.shared
def test_celeba_labels_are_imported_through_the_example_mapping(tmp_path: Path, shared: Path):
    with (shared / "celeba" / "derived.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:50]
    make_images(tmp_path / "images", [row["image_name"] for row in rows])
    project = init_project(tmp_path / "project")
    import_images(project, [tmp_path / "images"], LIMITS)
    mapping = CHECKOUT / "docs" / "examples" / "celeba" / "map.toml"
    report = import_labels(project, shared / "celeba" / "derived.csv", Mapping.read(mapping))
    assert report.left_aside == ["young", "male", "bags_under_eyes"]
    tops = {"full": "2", "receding": "1", "bald": "0", "covered": "3"}
    back = {row["image_name"]: row for row in exported(project, tmp_path / "s")}
    assert all(back[row["image_name"]]["hair_top"] == tops[row["hair_top"]] for row in rows)
    project.database.close()
