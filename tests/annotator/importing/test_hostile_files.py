"""Image files made to do harm, and photos in any camera rotation."""

import csv
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from annotator.imaging.image_kinds import IMAGE_ENDINGS
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from tests.support.commands import call, contents, files, run

# The turn that a camera's orientation tag undoes: what has to be done to an upright picture to need the tag.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def views_of(project: ProjectFolder) -> dict[str, Image.Image]:
    """The view of each image, by name."""
    exported = project.path.parent / "exported"
    call("export", "--to", exported, "-p", project.path).assert_done()
    with (exported / "images.csv").open(newline="") as file:
        hashes = {row["image_name"]: row["sha256"] for row in csv.DictReader(file)}
    return {
        name: read(project.stores.views.local_root / sha256[:2] / f"{sha256}.jpg")
        for name, sha256 in hashes.items()
    }


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def assert_alike(upright: Image.Image, view: Image.Image) -> None:
    assert view.size == upright.size
    small, other = (np.asarray(image.convert("L").resize((48, 48)), dtype=float) for image in (upright, view))
    assert np.abs(small - other).mean() < 3, "it is not upright"


def test_photos_of_every_orientation_come_out_upright(project: ProjectFolder, tmp_path: Path) -> None:
    draw_faces(tmp_path / "drawn", 1, size=128)
    upright = read(tmp_path / "drawn" / "0001.jpg").crop((0, 0, 128, 96))
    photos = tmp_path / "photos"
    photos.mkdir()
    for orientation in range(1, 9):
        turned = upright.transpose(TURNS[orientation]) if orientation in TURNS else upright
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        turned.save(photos / f"{orientation}.jpg", exif=exif, quality=95)
    call("import", photos, "-p", project.path).assert_done()
    views = views_of(project)
    assert len(views) == 8
    for view in views.values():
        assert view.size == (128, 96)
        assert not view.getexif()
        assert_alike(views["1.jpg"], view)


def test_names_with_markup_and_formulas_are_imported_as_they_are(
    project: ProjectFolder, tmp_path: Path
) -> None:
    names = [
        "<img src=x onerror=alert(1)>.jpg",
        "=cmd|calc.jpg",
        "[red]quote\"',.jpg",
        "-rf.jpg",
        "%2e%2e%2f.jpg",
    ]
    draw_faces(tmp_path / "drawn", len(names), size=64)
    for number, name in enumerate(names, start=1):
        (tmp_path / "drawn" / f"{number:04d}.jpg").rename(tmp_path / "drawn" / name)
    call("import", tmp_path / "drawn", "-p", project.path).assert_done()
    exported = call("export", "--to", tmp_path / "exported", "-p", project.path)
    exported.assert_done()
    call("verify", tmp_path / "exported").assert_done()


def test_a_name_cannot_break_the_line_or_command_the_terminal(project: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a\nrefused: b\x1b[2J.jpg").touch()
    finished = call("import", tmp_path / "photos", "-p", project.path)
    finished.assert_refused(1, "refused: a\\nrefused: b\\x1b[2J.jpg is empty")
    assert "\x1b[2J" not in finished.err


def test_a_name_that_is_not_text_is_refused_with_a_reason(project: ProjectFolder, tmp_path: Path) -> None:
    draw_faces(tmp_path / "drawn", 2, size=64)
    (tmp_path / "drawn" / "0001.jpg").rename(tmp_path / "drawn" / "caf\udce9.jpg")
    finished = call("import", tmp_path / "drawn", "-p", project.path)
    finished.assert_done()
    assert "not UTF-8" in finished.err
    assert "1 image imported" in finished.out


@pytest.fixture(scope="module")
def hostile(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    with tarfile.open(shared / "hostile-files.tar") as archive:
        for member in archive:
            archive.extract(member, folder, filter="data")
    return folder


@pytest.mark.shared
def test_every_hostile_file_is_imported_or_refused_with_a_reason(
    project: ProjectFolder, hostile: Path
) -> None:
    before = files(hostile), files(project.path.parent)
    finished = run("import", hostile / "made", "--json", "-p", project.path)
    finished.assert_done()
    report = json.loads(finished.out)["images"]
    offered = {path.name for path in (hostile / "made").iterdir() if path.suffix.lower() in IMAGE_ENDINGS}
    refused = dict(report["refused"])
    assert report["imported"] + len(report["duplicates"]) + len(refused) == len(offered)
    assert set(refused) >= {
        "bomb_20000x20000_1bit.png", "bomb_60000x3_rgb.png", "empty.jpg", "header_lies_2g.png", "html_as.jpg",
        "svg_as.jpg", "text_as.png", "truncated_20.jpg", "truncated_half.jpg",
    }  # fmt: skip
    assert all(reason for reason in refused.values())
    assert report["left_aside"] == len(list((hostile / "made").iterdir())) - len(offered)
    own = project.path.name
    outside = {name: held for name, held in files(project.path.parent).items() if not name.startswith(own)}
    assert (files(hostile), outside) == (
        before[0],
        {n: h for n, h in before[1].items() if not n.startswith(own)},
    )
    for stored in (
        *project.stores.images.local_root.rglob("*.*"),
        *project.stores.views.local_root.rglob("*.*"),
    ):
        assert stored.stem.isalnum(), "a file of the store is named by anything but its hash"
    for view in project.stores.views.local_root.rglob("*.jpg"):
        assert not read(view).getexif()


@pytest.mark.shared
def test_each_refused_hostile_file_has_one_line(project: ProjectFolder, hostile: Path) -> None:
    finished = call("import", hostile / "made", "-p", project.path)
    finished.assert_done()
    lines = [line for line in finished.err.splitlines() if line.startswith("refused: ")]
    assert f"{len(lines)} refused" in finished.out
    assert "refused: truncated_half.jpg is damaged" in finished.err


ARCHIVES = {
    "abs.zip": "has a path that leaves the archive",
    "bomb_500MB.zip": "is larger than 128 MiB",
    "dup_names.zip": "the same image: x/1.jpg is X/1.JPG",
    "many_20000.zip": "is empty",
    "nested.zip": "is an archive inside the archive",
    "not_a.zip": "cannot be unpacked",
    "slip.tar": "has a path that leaves the archive",
    "slip.zip": "has a path that leaves the archive",
    "slip_backslash.zip": "has a path that leaves the archive",
    "symlink.zip": "is a link",
    "truncated.zip": "cannot be unpacked",
}


@pytest.mark.shared
@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives_stay_in_the_project_and_are_refused_with_a_reason(
    project: ProjectFolder, hostile: Path, name: str
) -> None:
    outside = files(hostile)
    finished = call("import", hostile / "made" / name, "-p", project.path)
    assert "Traceback" not in finished.out + finished.err
    assert ARCHIVES[name] in finished.err
    assert files(hostile) == outside
    assert not list(project.path.glob(".import-*"))
    assert not Path("/tmp/slip_evil.jpg").exists()
    assert not Path("/tmp/abs_evil.jpg").exists()


@pytest.mark.shared
@pytest.mark.parametrize("table", ["cp1252", "crcr", "nul", "ragged", "semicolon", "utf16"])
def test_hostile_label_files_are_refused_as_a_whole(
    project: ProjectFolder, hostile: Path, table: str
) -> None:
    before = contents(project.path)
    call("import", hostile / "made" / f"labels_{table}.csv", "-p", project.path).assert_refused(
        1, f"labels_{table}.csv", "Nothing was changed."
    )
    assert contents(project.path) == before


@pytest.mark.shared
def test_real_photos_of_every_orientation_come_out_upright(project: ProjectFolder, hostile: Path) -> None:
    call("import", hostile / "exif-orientation", "-p", project.path).assert_done()
    views = views_of(project)
    for orientation in range(1, 9):
        for scene in ("Landscape", "Portrait"):
            assert_alike(views[f"{scene}_1.jpg"], views[f"{scene}_{orientation}.jpg"])
