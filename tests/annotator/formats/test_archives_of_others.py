"""Archives that hold something else than images, or are something else than they are called."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call, contents
from tests.support.projects.importing import run_import


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return path


def test_a_table_that_is_alone_in_an_archive_is_imported(filled: ProjectFolder, tmp_path: Path) -> None:
    archive = zipped(
        tmp_path / "labels.zip", labels_csv="image_name,glasses\n0001.jpg,none\n", notes_md="read me"
    )
    report = run_import(filled, archive)[str(archive)]
    assert (report["format"], report["labels"]["values"]) == ("archive of table", {"glasses": {"none": 1}})
    assert report["images"]["ignored"] == {".md files": 1}


def test_an_archive_with_nothing_to_import_is_refused(filled: ProjectFolder, tmp_path: Path) -> None:
    before = contents(filled.path)
    for name, members, held in (
        ("empty.zip", {}, "."),
        ("songs.zip", {"a_mp3": "la", "b_mp3": "la"}, ", only 2 .mp3 files."),
    ):
        call("import", zipped(tmp_path / name, **members), "-p", filled.path).assert_refused(
            1, f"{name} holds no image and no labels{held}", "Nothing was changed."
        )
    assert contents(filled.path) == before


def test_a_tar_that_is_called_zip_is_read(project: ProjectFolder, faces: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "faces.zip", "w") as archive:
        archive.add(faces / "0001.jpg", "0001.jpg")
    assert run_import(project, tmp_path / "faces.zip")[str(tmp_path / "faces.zip")]["images"]["imported"] == 1


def test_what_is_wrong_with_an_archive_is_said(filled: ProjectFolder, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", a_csv="image_name,glasses\n").read_bytes()
    for name, content, reason in (
        ("cut.zip", whole[:-30], "it begins like a zip archive, but its end is missing"),
        ("page.zip", b"<html>Log in first</html>" * 40, "it is neither a zip nor a tar archive"),
    ):
        (tmp_path / name).write_bytes(content)
        call("import", tmp_path / name, "-p", filled.path).assert_refused(
            1, f"{name} cannot be unpacked: {reason}"
        )


@pytest.mark.parametrize(
    ("name", "kind"),
    [("photos", "a zip archive or an Office document"), ("photos.z01", "a part of a split archive")],
)
def test_an_archive_under_another_name_is_told(
    filled: ProjectFolder, tmp_path: Path, name: str, kind: str
) -> None:
    call("import", zipped(tmp_path / name, a_txt="x"), "-p", filled.path).assert_refused(
        2, f"{name} is {kind}"
    )


def test_a_name_that_cannot_be_a_persons_is_told_with_its_row(filled: ProjectFolder, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("image_name,identity\n0001.jpg,Ada\n0002.jpg,B\x07b\n")
    call("import", table, "-p", filled.path).assert_refused(
        1,
        "0002.jpg: identity is 'B\\x07b'. A name cannot contain control characters.",
        "Nothing was changed.",
    )
    table.write_text("image_name,identity\n0001.jpg,Ada\n0002.jpg,\u200bAda\u200b\n,Ada\n")
    labels = run_import(filled, table)[str(table)]["labels"]
    assert labels["values"] == {"identity": {"Ada": 2}}
    assert labels["absent_names"] == ["(no name)"]
