"""Mappings that a person chooses: what is matched beforehand, each choice, and the labels that come of it."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.errors import FacelabelError, WrongUse
from annotator.project import ProjectFolder
from annotator.services.importing.inspection.changes import MappingChange
from annotator.services.importing.inspection.choices import MappedColumn
from annotator.services.importing.inspection.view import MappingView, view_mapping
from annotator.services.importing.jobs import get_import, import_details
from annotator.services.projects import init_project
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.importing import (
    confirm_upload,
    labels_by_image,
    make_video,
    run_import,
    try_upload,
)
from tests.support.projects.schemas import WITH_GENDER_AND_RATING


@pytest.fixture
def people(tmp_path: Path, faces: Path) -> Iterator[ProjectFolder]:
    """A project with 40 images that also asks for gender and rating."""
    schema = tmp_path / "attributes.toml"
    schema.write_text(WITH_GENDER_AND_RATING)
    project = init_project(tmp_path / "people", schema)
    import_images(project, [faces], LIMITS)
    yield project
    project.database.close()


def column_of(view: MappingView, name: str) -> MappedColumn:
    column = view.choices.column(name)
    assert column is not None
    return column


def test_columns_and_values_of_a_table_are_matched_by_their_words(people: ProjectFolder):
    table = "file,eyewear,sex,remarks\n0001.jpg,spectacles,f,hi\n0002.jpg,none,m,\n0003.jpg,no glasses,?,x\n"
    number = try_upload(people, "a.csv", table.encode())
    with people.database.read() as session:
        row = import_details(get_import(session, number))
    assert (row["state"], row["needs_mapping"]) == ("failed", True)
    assert row["error"].endswith(
        "Choose what they mean: on the import page, or in the mapping that is proposed."
    )
    view = view_mapping(people, number)
    assert view.choices.image == "file"
    assert [(column.name, column.attribute) for column in view.choices.columns] == [
        ("eyewear", "glasses"),
        ("sex", "gender"),
        ("remarks", ""),
    ]
    assert column_of(view, "eyewear").answers == {
        "spectacles": "glasses",
        "none": "none",
        "no glasses": "none",
    }
    assert column_of(view, "sex").answers == {"f": "female", "m": "male", "?": ""}
    assert [(image.name, labels) for image, labels in view.examples] == [
        ("0001.jpg", {"glasses": "glasses", "gender": "female"}),
        ("0002.jpg", {"glasses": "none", "gender": "male"}),
        ("0003.jpg", {"glasses": "none"}),
    ]
    assert confirm_upload(people, number, view.text)["state"] == "done"
    assert labels_by_image(people, "glasses") == {
        "0001.jpg": "glasses",
        "0002.jpg": "none",
        "0003.jpg": "none",
    }
    assert labels_by_image(people, "gender") == {"0001.jpg": "female", "0002.jpg": "male"}


def test_the_mapping_is_kept_beside_the_import_and_works_with_the_command(
    people: ProjectFolder, tmp_path: Path
):
    table = tmp_path / "a.csv"
    table.write_text("file,eyewear\n0001.jpg,spectacles\n0002.jpg,none\n")
    number = try_upload(people, "a.csv", table.read_bytes())
    text = view_mapping(people, number).text
    confirm_upload(people, number, text)
    [kept] = people.imports.glob("*.map.toml")
    [report] = people.imports.glob("*.json")
    assert kept.name.removesuffix(".map.toml") == report.name.removesuffix(".json")
    assert json.loads(report.read_bytes())["mapping"] == f"imports/{kept.name}"
    again = run_import(people, table, "--map", kept)[str(table)]
    assert (again["labels"]["unchanged"], again["labels"]["added"]) == (2, 0)


def test_what_needs_no_mapping_gets_none(people: ProjectFolder):
    number = try_upload(people, "a.csv", b"image,glasses,gender\n0001.jpg,0,Male\n0002.jpg,1,female\n")
    view = view_mapping(people, number)
    assert view.text == ""
    assert column_of(view, "glasses").answers == {"0": "none", "1": "glasses"}
    confirm_upload(people, number, view.text)
    assert not list(people.imports.glob("*.map.toml"))
    assert labels_by_image(people, "glasses") == {"0001.jpg": "none", "0002.jpg": "glasses"}


@pytest.mark.parametrize(("reading", "first"), [(0, "2"), (1, "1")])
def test_a_column_that_reads_both_ways_is_chosen(people: ProjectFolder, reading: int, first: str):
    number = try_upload(people, "a.csv", b"image,score\n0001.jpg,1\n0002.jpg,2\n0003.jpg,1.0\n")
    asked = view_mapping(people, number, "", MappingChange(column="score", attribute="rating"))
    column = column_of(asked, "score")
    assert column.is_undecided
    assert [one.title for one in column.readings] == ["the cells are codes", "the cells are names"]
    assert all(labels == {} for _, labels in asked.examples)
    assert confirm_upload(people, number, asked.text)["state"] == "failed", "an open question was guessed"
    chosen = view_mapping(
        people, number, asked.text, MappingChange(column="score", attribute="rating", reading=reading)
    )
    assert (column_of(chosen, "score").reading, column_of(chosen, "score").answers["1.0"]) == (reading, first)
    confirm_upload(people, number, chosen.text)
    assert labels_by_image(people, "rating")["0001.jpg"] == first
    assert labels_by_image(people, "rating")["0003.jpg"] == first


def test_choices_follow_each_other_and_can_be_undone(people: ProjectFolder):
    number = try_upload(people, "a.csv", b"image,glasses,colour\n0001.jpg,0,ginger\n0002.jpg,2,grey\n")
    text = view_mapping(people, number).text
    for change in (
        MappingChange(column="glasses", attribute="glasses", values={"2": "can't tell"}),
        MappingChange(column="colour", attribute="gender"),
        MappingChange(column="colour", attribute="hair_color"),
        MappingChange(column="colour", attribute="hair_color", values={"grey": "white"}),
    ):
        view = view_mapping(people, number, text, change)
        text = view.text
    assert column_of(view, "glasses").answers == {"0": "none", "2": "can't tell"}
    assert column_of(view, "colour").answers == {"ginger": "red", "grey": "white"}
    confirm_upload(people, number, text)
    assert labels_by_image(people, "glasses") == {"0001.jpg": "none", "0002.jpg": "can't tell"}
    assert labels_by_image(people, "hair_color") == {"0001.jpg": "red", "0002.jpg": "white"}


def test_what_was_ignored_stays_ignored(people: ProjectFolder):
    coco = {
        "images": [{"id": 1, "file_name": "0001.jpg"}],
        "categories": [{"id": 0, "name": "spectacles"}],
        "annotations": [{"image_id": 1, "category_id": 0, "attributes": {"sex": "f", "hair_color": "grey"}}],
    }
    number = try_upload(people, "coco.json", json.dumps(coco).encode())
    text = ""
    for change in (
        MappingChange(label="spectacles"),
        MappingChange(column="sex"),
        MappingChange(column="hair_color", attribute="hair_color", values={"grey": ""}),
    ):
        text = view_mapping(people, number, text, change).text
    view = view_mapping(people, number, text, MappingChange())
    assert [label.value for label in view.choices.labels] == [""]
    assert column_of(view, "sex").attribute == ""
    assert column_of(view, "hair_color").answers == {"grey": ""}
    assert view.text == text
    assert view.examples[0][1] == {}


def test_the_column_of_image_names_can_be_chosen(people: ProjectFolder):
    number = try_upload(people, "a.csv", b"old,new,glasses\nx.jpg,0001.jpg,1\ny.jpg,0002.jpg,0\n")
    assert view_mapping(people, number).choices.image == "old"
    view = view_mapping(people, number, "", MappingChange(image="new"))
    assert [column.name for column in view.choices.columns] == ["old", "glasses"]
    confirm_upload(people, number, view.text)
    assert labels_by_image(people, "glasses") == {"0001.jpg": "glasses", "0002.jpg": "none"}


def packed(faces: Path, members: dict[str, int]) -> bytes:
    """A zip archive of drawn faces under these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, number in members.items():
            archive.write(faces / f"{number:04d}.jpg", name)
    return file.getvalue()


def test_folders_of_an_archive_answer_the_attribute_that_is_chosen(project: ProjectFolder, faces: Path):
    members = {"with specs/1.jpg": 1, "without/2.jpg": 2, "unsure/3.jpg": 3}
    number = try_upload(project, "photos.zip", packed(faces, members))
    view = view_mapping(project, number)
    assert (view.choices.summary.kind, view.text) == ("folders", "")
    assert column_of(view, "photos").attribute == "", "holiday photos look the same"
    assert all(image.jpeg for image, _ in view.examples)
    chosen = view_mapping(project, number, "", MappingChange(column="photos", attribute="glasses"))
    assert column_of(chosen, "photos").answers == {"with specs": "glasses", "without": "none", "unsure": ""}
    assert {image.name: labels for image, labels in chosen.examples} == {
        "with specs/1.jpg": {"glasses": "glasses"},
        "without/2.jpg": {"glasses": "none"},
        "unsure/3.jpg": {},
    }
    done = confirm_upload(project, number, chosen.text)
    assert (done["report"]["format"], done["report"]["images"]["imported"]) == ("archive of class_folders", 3)
    assert labels_by_image(project, "glasses") == {"1.jpg": "glasses", "2.jpg": "none"}


def test_folders_that_answer_nothing_stay_folders(project: ProjectFolder, faces: Path):
    number = try_upload(project, "photos.zip", packed(faces, {"a/1.jpg": 1, "b/1.jpg": 2}))
    done = confirm_upload(project, number, view_mapping(project, number).text)
    assert done["report"]["format"] == "archive of folder"
    assert done["report"]["labels"] is None
    assert done["report"]["images"]["imported"] == 2


def test_flat_labels_of_another_tool_are_chosen(people: ProjectFolder):
    names = [f"{number:04d}.jpg" for number in range(1, 4)]
    coco = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "categories": [{"id": 0, "name": "spectacles"}, {"id": 1, "name": "moody"}],
        "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in range(3)],
    }
    number = try_upload(people, "coco.json", json.dumps(coco).encode())
    view = view_mapping(people, number)
    assert [(label.label, label.count, label.attribute, label.value) for label in view.choices.labels] == [
        ("spectacles", 2, "glasses", "glasses"),
        ("moody", 1, "", ""),
    ]
    change = MappingChange(label="moody", attribute="gender", value="female")
    chosen = view_mapping(people, number, view.text, change)
    assert [labels for _, labels in chosen.examples] == [
        {"glasses": "glasses"},
        {"gender": "female"},
        {"glasses": "glasses"},
    ]
    confirm_upload(people, number, chosen.text)
    assert labels_by_image(people, "glasses") == {"0001.jpg": "glasses", "0003.jpg": "glasses"}
    assert labels_by_image(people, "gender") == {"0002.jpg": "female"}


def test_a_video_tells_its_length_and_gives_the_frames_that_are_asked_for(
    project: ProjectFolder, tmp_path: Path
):
    film = make_video(tmp_path / "film.mp4", frames=20, fps=10)
    number = try_upload(project, "film.mp4", film.read_bytes())
    view = view_mapping(project, number)
    assert view.video is not None
    assert (view.video.frames, round(view.video.seconds, 3)) == (20, 1.9)
    done = confirm_upload(project, number, "", fps=5.0)
    assert done["report"]["images"]["found"] == int(view.video.seconds * 5) + 1 == 10


def test_a_large_table_is_summarised_within_bounds(people: ProjectFolder):
    wide = ",".join(f"c{number}" for number in range(300))
    rows = [f"{n}.jpg,{'x' * 300},p{n}," + ",".join("1" * 300) for n in range(2100)]
    table = f"image,long,person,{wide}\n" + "\n".join(rows)
    number = try_upload(people, "a.csv", table.encode())
    summary = view_mapping(people, number).choices.summary
    assert (len(summary.columns), summary.more_columns) == (100, 203)
    person = column_of(view_mapping(people, number), "person")
    assert (person.count, person.distinct, len(person.values)) == (2100, 2000, 20)
    assert column_of(view_mapping(people, number), "long").values == ()
    assert 20 <= len(summary.examples) <= 40
    assert (people.uploads / f"upload-{number:06d}" / ".inspection.json").stat().st_size < 200_000


def test_markup_formulas_and_odd_names_come_through_unchanged(people: ProjectFolder):
    odd = ["<script>alert(1)</script>", '=HYPERLINK("x")', "a\tb", "ü\u202e'\\", '"]\n[columns']
    header = 'image,"<b>""]\n[columns.x"\n'
    rows = "".join('{:04d}.jpg,"{}"\n'.format(n + 1, text.replace('"', '""')) for n, text in enumerate(odd))
    number = try_upload(people, "a.csv", (header + rows).encode())
    [column] = view_mapping(people, number).choices.columns
    text = ""
    for value in odd:
        change = MappingChange(column=column.name, attribute="glasses", values={value: "sunglasses"})
        text = view_mapping(people, number, text, change).text
    confirm_upload(people, number, text)
    assert set(labels_by_image(people, "glasses").values()) == {"sunglasses"}
    assert len(labels_by_image(people, "glasses")) == len(odd)


def test_a_mapping_of_thousands_of_lines_is_answered_and_kept(people: ProjectFolder):
    number = try_upload(people, "a.csv", b"image,eyewear\n0001.jpg,spectacles\n")
    lines = "".join(f'values."v{n}" = "none"\n' for n in range(2500))
    text = f'[columns.eyewear]\nattribute = "glasses"\n{lines}'
    assert len(text) > 60_000 * 0.8
    view = view_mapping(people, number, text)
    assert len(column_of(view, "eyewear").unlisted) == 2500
    assert 'values."v2499" = "none"' in view.text


@pytest.mark.parametrize(
    ("text", "change", "error"),
    [
        ("no = ", MappingChange(), "cannot be read"),
        ("a." * 20_000 + "a = 1", MappingChange(), "more than 32 parts"),
        ('[ "a b" . ' + '"c". ' * 20_000 + "d]", MappingChange(), "more than 32 parts"),
        ('[columns.eyewear]\nattribute = "nose"', MappingChange(), "'nose'"),
        ('[columns.eyewear]\nattribute = "glasses"\nvalues.x = "y"', MappingChange(), "'y'"),
        ("", MappingChange(column="eyewear", attribute="nose"), "'nose'"),
        ("", MappingChange(column="nose", attribute="glasses"), "no column 'nose'"),
        ("", MappingChange(column="eyewear", attribute="glasses", reading=1), "no reading 1"),
        ("", MappingChange(image="nose"), "no column 'nose'"),
        ("", MappingChange(label="nose"), "no label 'nose'"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(
    people: ProjectFolder, text: str, change: MappingChange, error: str
):
    number = try_upload(people, "a.csv", b"image,eyewear\n0001.jpg,spectacles\n")
    with pytest.raises((FacelabelError, WrongUse), match=error):
        view_mapping(people, number, text, change)
