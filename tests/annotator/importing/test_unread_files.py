"""Files that are not read are said so that a person can act: what they are, how many, and the way to bring them in."""

import json
from pathlib import Path

import pytest

from annotator.domain.schema import Attribute, Schema, Value
from annotator.domain.schema_text import format_schema
from annotator.formats.importers.ignored_files import IgnoredFiles, counted_kind, counted_kinds
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.photos import draw_photo

UNREAD = {
    "faces.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a 7z archive", "Unpack it"),
    "faces.rar": (b"Rar!\x1a\x07\x01\0" + bytes(50), "a RAR archive", "Unpack it"),
    "wiki.mat": (b"MATLAB 5.0 MAT-file" + bytes(50), "a MATLAB file", "Write it as a CSV"),
    "deep.h5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5", "Write it as a CSV"),
    "train.parquet": (b"PAR1" + bytes(50), "a Parquet file on its own", "Write it as a CSV"),
    "labels.npy": (b"\x93NUMPY" + bytes(50), "a NumPy file", "Write it as a CSV"),
    "labels.pkl": (b"\x80\x04" + bytes(50), "a pickled Python object", "Write it as a CSV"),
    "part.tfrecord": (bytes(50), "a TFRecord file", "Write it as a CSV"),
    "all.jsonl": (
        b'{"id": 1, "filename": "0.jpg", "label": ["x"]}\n',
        "an export of doccano",
        "Label Studio",
    ),
    "ffhq.json": (
        b'{"0": {"category": "training", "image": {"file_path": "0/0.png"}}}',
        "the description of FFHQ",
        "CVAT for images (XML)",
    ),
    "fold_0.txt": (b"user_id\toriginal_image\tage\n", "Adience's list of faces", "image_name"),
    "own.json": (
        b'{"what": ["is", "this"]}',
        "a .json file of a form that is not known",
        "tables (CSV, TSV, Excel",
    ),
    "schema.toml": (
        format_schema(
            Schema((Attribute("hat", "Hat", "h", values=(Value(0, "no"), Value(1, "yes"))),))
        ).encode(),
        "a schema, the attributes of a project",
        "facelabel schema apply",
    ),
    "map.toml": (
        b'\xef\xbb\xbfimage = "file"\n[columns.hat]\nattribute = "glasses"\n',
        "a mapping of names, and no labels",
        "--map FILE",
    ),
    "labels.toml": (
        b'[labels]\n"brown hair" = { attribute = "hair_color", value = "brown" }\n',
        "a mapping of names, and no labels",
        "--map FILE",
    ),
    "other.toml": (b"[tool]\nname = 1\n", "a .toml file of a form that is not known", "Labels are read from"),
    "scan.xcf": (b"gimp xcf file" + bytes(50), "a GIMP document", "Export it as PNG or JPEG."),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_file_that_is_not_read_is_refused_for_what_it_is(
    project: ProjectFolder, tmp_path: Path, name: str
) -> None:
    content, what, way = UNREAD[name]
    (tmp_path / name).write_bytes(content)
    call("import", tmp_path / name, "-p", project.path).assert_refused(
        2, f"{name} is {what}", "which is not read", "Nothing was changed.", way
    )


@pytest.mark.parametrize("name", [name for name in UNREAD if not name.endswith((".txt", ".toml"))])
def test_beside_photos_it_is_ignored_and_told(project: ProjectFolder, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "photos"
    draw_photo(folder / "1.jpg", 1)
    (folder / name).write_bytes(UNREAD[name][0])
    finished = call("import", folder, "-p", project.path)
    finished.assert_done()
    assert f"Ignored: 1 {Path(name).suffix} file." in finished.out
    assert f"1 {Path(name).suffix} file" in finished.err, "the way to bring it in"


def test_a_folder_without_images_is_told_by_what_it_holds(project: ProjectFolder, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.psd").write_bytes(b"8BPS" + bytes([number]))
    (folder / "a.mov").write_bytes(b"film")
    call("import", folder, "-p", project.path).assert_refused(
        2, "There is no image file in", "only 3 .psd files, 1 video.", "a Photoshop document; export it as PNG or JPEG",
        "Import each video by its own name", "Labels are read from", "Label Studio",
    )  # fmt: skip
    assert not (project.path / "views").exists() or not list((project.path / "views").rglob("*.jpg"))


def test_kinds_are_counted_in_words() -> None:
    ignored = IgnoredFiles()
    for name in ("a.mp4", "b.mov", "c.zip", ".x", "d", "e.JSON", "f.json", f"g.{'y' * 40}"):
        ignored.add(Path(name))
    assert counted_kinds(ignored.counts) == (
        "2 videos, 2 .json files, 1 archive, 1 hidden file, 1 file without an ending, 1 other file"
    )
    assert counted_kind(".xcf files", 1) == "1 .xcf file"
    assert counted_kind("files in @eaDir", 1) == "1 file in @eaDir"


def test_parts_of_a_label_file_that_are_not_read_are_no_files(project: ProjectFolder, tmp_path: Path) -> None:
    draw_photo(tmp_path / "photos" / "1.jpg", 1)
    call("import", tmp_path / "photos", "-p", project.path).assert_done()
    ranking = {"from_name": "r", "to_name": "image", "type": "ranker", "value": {"ranker": {}}}
    choice = {"from_name": "glasses", "to_name": "image", "type": "choices", "value": {"choices": ["none"]}}
    task = {
        "id": 1,
        "data": {"image": "/data/upload/1/0a1b2c3d-1.jpg"},
        "annotations": [{"result": [choice, ranking]}],
    }
    (tmp_path / "export.json").write_text(json.dumps([task]))
    finished = call("import", tmp_path / "export.json", "-p", project.path)
    finished.assert_done()
    assert "a result of the type 'ranker'" in finished.err
    assert "0 refused" in finished.out
    assert "1 label added" in finished.out
