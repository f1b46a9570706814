"""Labels and gold go to the image that a file means: namesakes in other folders, equal bytes, renamed images."""

import csv
import json
import shutil
import unicodedata
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.importing import run_import
from tests.support.projects.photos import draw_photo, draw_photos


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["image_name,glasses", *rows]) + "\n", encoding="utf-8")
    return path


def labels(project: ProjectFolder, to: Path) -> dict[str, str]:
    """The names of the labels in `glasses` by the path that each image had at its source."""
    call("export", "--to", to, "--names", "-p", project.path).assert_done()
    with (to / "images.csv").open(newline="", encoding="utf-8") as file:
        paths = {row["image_name"]: f"{row['source']}/{row['original_path']}" for row in csv.DictReader(file)}
    with (to / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {paths[row["image_name"]]: row["glasses"] for row in csv.DictReader(file) if row["glasses"]}


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    return draw_photos(
        tmp_path / "people",
        {f"{part}/{n}.jpg": 10 * k + n for k, part in enumerate(("one", "two")) for n in (1, 2)},
    )


@pytest.mark.parametrize("whole", [True, False])
def test_labels_of_two_folders_with_equal_names_stay_apart(
    project: ProjectFolder, tmp_path: Path, splits: Path, whole: bool
) -> None:
    sources = [splits] if whole else [splits / "one", splits / "two"]
    for source in sources:
        call("import", source, "-p", project.path).assert_done()
    table = write(
        tmp_path / "a.csv",
        *(f"{part}/{n}.jpg,{value}" for part, value in (("one", 0), ("two", 2)) for n in (1, 2)),
    )
    assert run_import(project, table)[str(table)]["labels"]["added"] == 4
    values = {
        path.split("/", 1 if whole else 0)[-1]: value
        for path, value in labels(project, tmp_path / "s").items()
    }
    assert values == {
        "one/1.jpg": "none", "one/2.jpg": "none", "two/1.jpg": "sunglasses", "two/2.jpg": "sunglasses",
    }  # fmt: skip


def test_labels_of_a_folder_that_is_not_here_go_to_no_namesake(
    project: ProjectFolder, tmp_path: Path, splits: Path
) -> None:
    call("import", splits / "one", "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "two/1.jpg,2", "two/2.jpg,2")
    call("import", table, "-p", project.path).assert_refused(
        1, "None of the 2 rows", "two/1.jpg is not one/1.jpg", "Nothing was changed.", "write the folders"
    )
    mixed = write(tmp_path / "b.csv", "one/1.jpg,0", "two/2.jpg,2")
    finished = call("import", mixed, "-p", project.path)
    finished.assert_done()
    assert "1 row names an image that the project does not have: two/2.jpg." in finished.err
    assert "1 of them has the file name of an image in another folder" in finished.err
    assert "two/2.jpg is not one/2.jpg" in finished.err
    assert labels(project, tmp_path / "s") == {"one/1.jpg": "none"}


def test_a_folder_that_is_called_otherwise_is_told_with_what_to_write(
    project: ProjectFolder, tmp_path: Path
) -> None:
    photos = draw_photos(tmp_path / "photos", {"1.jpg": 1, "2.jpg": 2})
    call("import", photos, "-p", project.path).assert_done()
    call("import", write(tmp_path / "a.csv", "images/1.jpg,0"), "-p", project.path).assert_refused(
        1,
        "No row of a.csv names an image of the project.",
        "1 of them has the file name of an image in another folder, which is another image: "
        "images/1.jpg is not photos/1.jpg.",
        "write the folders that the images have in the project, or only the file names if these are unique",
    )
    for name in ("photos/1.jpg", "1.jpg"):  # both ways that it tells
        table = write(tmp_path / "b.csv", f"{name},0", "images/2.jpg,2")
        finished = call("import", table, "-p", project.path)
        finished.assert_done()
        assert "images/2.jpg is not photos/2.jpg. A name and the path of its image must agree" in finished.err
    assert labels(project, tmp_path / "s") == {"photos/1.jpg": "none"}


def test_a_name_of_several_images_is_told_with_the_images_and_written_for_none(
    project: ProjectFolder, tmp_path: Path, splits: Path
) -> None:
    for part in ("one", "two"):
        call("import", splits / part, "-p", project.path).assert_done()
    draw_photo(tmp_path / "single" / "9.jpg", 9)
    call("import", tmp_path / "single", "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "1.jpg,2", "9.jpg,0")
    report = run_import(project, table)[str(table)]["labels"]
    assert (report["added"], report["ambiguous_rows"]) == (1, 1)
    [(name, candidates)] = report["ambiguous"].items()
    assert name == "1.jpg"
    assert candidates[0] == "1.jpg"
    assert candidates[1].startswith("1~")
    assert labels(project, tmp_path / "s") == {"single/9.jpg": "none"}
    finished = call("import", write(tmp_path / "b.csv", "1.jpg,2"), "-p", project.path)
    finished.assert_refused(
        1, "1 row was ignored, because several images match its name: 1.jpg may be 1.jpg or 1~"
    )


def test_a_file_with_the_projects_own_names_means_exactly_these(
    project: ProjectFolder, tmp_path: Path, splits: Path
) -> None:
    for part in ("one", "two"):
        call("import", splits / part, "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "one/1.jpg,0", "two/1.jpg,2")
    call("import", table, "-p", project.path).assert_done()
    call("export", "--to", tmp_path / "s", "--names", "-p", project.path).assert_done()
    report = run_import(project, tmp_path / "s" / "labels.csv")[str(tmp_path / "s" / "labels.csv")]["labels"]
    assert (report["unchanged"], report["absent"], report["ambiguous_rows"]) == (2, 0, 0)


def test_equal_bytes_are_found_by_both_of_their_paths(project: ProjectFolder, tmp_path: Path) -> None:
    folder = draw_photos(tmp_path, {"one/1.jpg": 1, "one/2.jpg": 2, "two/1.jpg": 2, "two/7.jpg": 1})
    for part in ("one", "two"):
        call("import", folder / part, "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "two/1.jpg,2", "two/7.jpg,0")
    assert run_import(project, table)[str(table)]["labels"]["added"] == 2
    assert labels(project, tmp_path / "s") == {"one/2.jpg": "sunglasses", "one/1.jpg": "none"}
    before = len(run_import(project, folder / "two")["images"]["duplicates"])
    assert before == 0


def test_gold_goes_to_no_namesake(project: ProjectFolder, tmp_path: Path, splits: Path) -> None:
    call("import", splits / "two", "-p", project.path).assert_done()
    table = write(tmp_path / "gold.csv", "two/1.jpg,2", "nine/2.jpg,0")
    finished = call("gold", "add", table, "-p", project.path)
    finished.assert_done()
    assert "1 gold images with 1 correct answers." in finished.out
    assert "nine/2.jpg is not two/2.jpg" in finished.out
    assert json.loads(call("gold", "list", "--json", "-p", project.path).out) == [
        {"image_name": "1.jpg", "answers": 1}
    ]
    assert labels(project, tmp_path / "s") == {"two/1.jpg": "sunglasses"}


def test_a_decomposed_name_is_found_by_the_composed_one(project: ProjectFolder, tmp_path: Path) -> None:
    draw_photo(tmp_path / "photos" / unicodedata.normalize("NFD", "Zoë.png"), 1)
    call("import", tmp_path / "photos", "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "Zoë.png,2")
    assert run_import(project, table)[str(table)]["labels"]["added"] == 1


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_the_folder_in_an_archive_is_part_of_a_path(
    project: ProjectFolder, tmp_path: Path, splits: Path, kind: str
) -> None:
    for part in ("one", "two"):
        packed = shutil.make_archive(str(tmp_path / f"packed_{part}"), kind, splits, part)
        call("import", packed, "-p", project.path).assert_done()
    table = write(tmp_path / "a.csv", "one/1.jpg,0", "two/1.jpg,2", "three/1.jpg,2")
    report = run_import(project, table)[str(table)]["labels"]
    assert (report["added"], report["absent_names"]) == (2, ["three/1.jpg"])


def test_an_archives_labels_go_to_its_own_images(project: ProjectFolder, tmp_path: Path) -> None:
    draw_photo(tmp_path / "old" / "1.jpg", 1)
    call("import", tmp_path / "old", "-p", project.path).assert_done()
    inside = tmp_path / "inside"
    draw_photos(inside, {"images/1.jpg": 2, "1.jpg": 3})
    task = {"image": "images/1.jpg", "annotations": ["sunglasses"]}
    (inside / "labels.json").write_text(json.dumps([task]))
    (tmp_path / "map.toml").write_text(
        '[labels]\n"sunglasses" = { attribute = "glasses", value = "sunglasses" }\n'
    )
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", inside)
    report = run_import(project, packed, "--map", tmp_path / "map.toml")[packed]
    assert (report["images"]["imported"], report["labels"]["added"]) == (2, 1)
    assert labels(project, tmp_path / "s") == {"packed.zip/images/1.jpg": "sunglasses"}
