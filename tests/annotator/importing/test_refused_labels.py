"""Label files and mappings that cannot be read: the whole file is imported or nothing, and the error names the place."""

from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call, contents, run

TABLES = {
    "unknown value": (b"image_name,glasses\n0001.jpg,0\n0002.jpg,monocle\n", "line 3: glasses has no value 'monocle'"),
    "code out of range": (b"image_name,glasses\n0001.jpg,3\n", "glasses has no value '3'"),
    "no image column": (b"photo,glasses\n0001.jpg,0\n", "has no column 'image_name'"),
    "no attribute column": (b"image_name,shoes\n0001.jpg,0\n", "is an attribute of the schema"),
    "short row": (b"image_name,glasses,wrinkles\n0001.jpg,0,1\n0002.jpg,0\n", "line 3: 2 cells instead of 3"),
    "long row": (b"image_name,glasses\n0001.jpg,0,1\n", "line 2: 3 cells instead of 2"),
    "NUL": (b"image_name,glasses\n0001.jpg,0\0\n", "it holds a NUL character"),
    "half of UTF-16": (b"\xff\xfei", "it has the byte order mark of UTF-16, but is not UTF-16"),
    "empty": (b"", "it is empty"),
    "open quote": (b'image_name,glasses\n"0001.jpg,0\n', "unexpected end of data"),
    "column twice": (b"image_name,glasses,glasses\n0001.jpg,0,1\n", "two columns answer glasses"),
    "two spellings": (b"image_name,freckles,freakles\n0001.jpg,0,1\n", "two columns answer freckles"),
    "person with a control character": (b"image_name,identity\n0001.jpg,Ada\x07\n", "control characters"),
    "endless person": (b"image_name,identity\n0001.jpg," + b"a" * 201 + b"\n", "1 to 200 characters"),
    "endless cell": (b"image_name,glasses\n0001.jpg," + b"0" * 200_000 + b"\n", "field larger than field limit"),
}  # fmt: skip

MAPPINGS = {
    "no TOML": ("image = ", "cannot be read"),
    "no table": ("columns = 3\n", "cannot be read"),
    "no value table": ("[columns.beard]\nvalues = 3\n", "cannot be read"),
    "absent image column": ('image = "photo"\n', "has no column 'photo'"),
    "absent column": ('[columns.hat]\nattribute = "glasses"\n', "has no column 'hat'"),
    "unknown attribute": ('[columns.beard]\nattribute = "whiskers"\n', "'whiskers'"),
    "unknown value": (
        '[columns.beard]\nattribute = "glasses"\nvalues = { full = "monocle" }\n',
        "no value 'monocle'",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_bad_label_file_is_refused_as_a_whole(filled: ProjectFolder, tmp_path: Path, kind: str) -> None:
    content, reason = TABLES[kind]
    table = tmp_path / "labels.csv"
    table.write_bytes(content)
    before = contents(filled.path)
    call("import", table, "-p", filled.path).assert_refused(1, reason, "Nothing was changed.")
    assert contents(filled.path) == before


@pytest.mark.parametrize("kind", MAPPINGS)
def test_a_bad_mapping_is_refused(filled: ProjectFolder, tmp_path: Path, kind: str) -> None:
    text, reason = MAPPINGS[kind]
    (tmp_path / "labels.csv").write_text("image_name,beard,wrinkles\n0001.jpg,full,1\n")
    (tmp_path / "map.toml").write_text(text)
    before = contents(filled.path)
    finished = call("import", tmp_path / "labels.csv", "--map", tmp_path / "map.toml", "-p", filled.path)
    finished.assert_refused(1, reason, "Nothing was changed.")
    assert contents(filled.path) == before


def test_every_bad_row_is_counted_and_the_first_ten_are_named(filled: ProjectFolder, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image_name,glasses\n" + "0001.jpg,monocle\n" * 25)
    finished = run("import", table, "-p", filled.path)
    finished.assert_refused(1, "25 cells or rows", "line 11:", "and 15 more", "Fix the file")
    assert "line 12:" not in finished.err


def test_a_label_file_that_does_not_exist_is_refused(filled: ProjectFolder, tmp_path: Path) -> None:
    call("import", tmp_path / "absent.csv", "-p", filled.path).assert_refused(2, "absent.csv does not exist")


def test_rows_of_absent_images_are_reported_and_create_no_image(
    filled: ProjectFolder, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image_name,glasses\n0001.jpg,2\n9999.jpg,1\n")
    finished = call("import", table, "-p", filled.path)
    finished.assert_done()
    assert "1 label added" in finished.out
    assert "1 row names an image that the project does not have: 9999.jpg" in finished.err
    assert "40 images, 0 done" in call("status", "-p", filled.path).out


def test_a_mapping_without_a_label_file_is_a_usage_error(
    filled: ProjectFolder, faces: Path, tmp_path: Path
) -> None:
    (tmp_path / "map.toml").write_text('image = "file"\n')
    call("import", faces, "--map", tmp_path / "map.toml", "-p", filled.path).assert_refused(
        2, "--map needs a source"
    )
