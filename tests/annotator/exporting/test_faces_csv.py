"""faces.csv: a snapshot holds the faces of its images, and only faces that belong to them are read."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text, update

from annotator.errors import FacelabelError
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.faces.detection import find_all_faces
from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.projects.faces import TURNED, UPRIGHT, give_faces, read_faces_csv, rewrite_faces_csv
from tests.support.projects.images import names_of
from trainer.data.snapshot import Snapshot
from trainer.runtime.errors import SnapshotError

HEADER = "image_name,number,turn,left,top,right,bottom,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5,score,finder"


@pytest.fixture
def with_faces(filled: ProjectFolder) -> ProjectFolder:
    """Of 40 images, the third has two faces, the fifth a turned one and the sixth none; the others were not searched."""
    names = names_of(filled)
    give_faces(filled, {names[2]: [UPRIGHT, replace(UPRIGHT, score=0.25)], names[4]: [TURNED], names[5]: []})
    return filled


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ProjectFolder]:
    """Another project, without images."""
    made = init_project(tmp_path / "empty")
    yield made
    made.database.close()


@pytest.fixture
def snapshot(with_faces: ProjectFolder, tmp_path: Path) -> Path:
    folder, _ = export_snapshot(with_faces, tmp_path / "s", SnapshotOptions(images="copy"))
    return folder


def test_a_snapshot_holds_the_faces_by_image_and_number(snapshot: Path, with_faces: ProjectFolder):
    names = names_of(with_faces)
    lines = (snapshot / "faces.csv").read_text().splitlines()
    assert lines == [
        HEADER,
        f"{names[2]},0,0,30,28,72,70,36,42,44,41,66,42,58,41,51,55,1.2345678901234567,hog",
        f"{names[2]},1,0,30,28,72,70,36,42,44,41,66,42,58,41,51,55,0.25,hog",
        f"{names[4]},0,90,-3,5,20,28,2,9,5,9,14,9,11,9,8,15,0.5,cnn",
    ]
    assert "faces.csv" in verify_snapshot(snapshot)["files"]


def test_a_project_without_faces_has_no_faces_csv(filled: ProjectFolder, tmp_path: Path):
    _, manifest = export_snapshot(filled, tmp_path / "s", SnapshotOptions())
    assert "faces.csv" not in manifest["files"]
    assert np.isnan(Snapshot.open(tmp_path / "s").landmarks).all()


def test_the_trainer_reads_the_landmarks_of_the_largest_face_upright(
    snapshot: Path, with_faces: ProjectFolder
):
    read = Snapshot.open(snapshot)
    assert read.landmarks.shape == (40, 5, 2)
    assert read.landmarks.dtype == np.float32
    assert np.flatnonzero(~np.isnan(read.landmarks).any(axis=(1, 2))).tolist() == [2, 4]
    assert read.landmarks[2].tolist() == UPRIGHT.points
    # Turned clockwise by 90 degrees, the bottom row of the image is its left column.
    height = image_named(with_faces, read.image_names[4]).height
    assert read.landmarks[4].tolist() == [[y, height - 1 - x] for x, y in TURNED.points]
    assert Snapshot.open(snapshot).landmarks is read.landmarks, "it is read once"


def image_named(project: ProjectFolder, name: str) -> Image:
    with project.database.read() as session:
        return session.scalars(select(Image).where(Image.name == name)).one()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_landmarks_name_the_same_pixels(turn: int):
    from PIL import Image as Picture

    from annotator.imaging.detector import turn_image
    from trainer.data.faces import turn_back

    pixels = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7)
    turned = np.asarray(turn_image(Picture.fromarray(pixels), turn))
    points = np.array([[[1, 2], [0, 0], [3, 4]]], np.int32)
    [upright] = turn_back(points, np.array([turn]), np.array([[7, 5]]))
    assert [pixels[y, x] for x, y in upright] == [turned[y, x] for x, y in points[0]]


def test_round_snapshots_share_the_faces_until_they_change(with_faces: ProjectFolder, tmp_path: Path):
    names = names_of(with_faces)
    snapshots = RoundSnapshots(with_faces)

    def write(name: str) -> Path:
        snapshots.write(tmp_path / name)
        exported, _ = export_snapshot(with_faces, tmp_path / f"exported {name}", SnapshotOptions(card=False))
        assert (tmp_path / name / "faces.csv").read_bytes() == (exported / "faces.csv").read_bytes()
        return tmp_path / name / "faces.csv"

    first, second = write("a"), write("b")
    assert first.samefile(second)
    give_faces(with_faces, {names[0]: [UPRIGHT]})
    third = write("c")
    assert third.read_bytes() != second.read_bytes()
    assert (second.parent / "images.csv").samefile(third.parent / "images.csv"), "the images did not change"
    third.unlink()
    assert write("d").stat().st_nlink == 1
    give_faces(with_faces, dict.fromkeys(names, ()))
    snapshots.write(tmp_path / "e")
    snapshots.write(tmp_path / "f")
    assert not list(tmp_path.glob("[ef]/faces.csv"))


def test_the_version_depends_on_exactly_the_columns_of_faces_csv(with_faces: ProjectFolder):
    def version() -> int:
        with with_faces.database.read() as session:
            return int(session.execute(text("SELECT faces_version FROM project")).scalar_one())

    for column in Face.__table__.columns:
        others = {"descriptor": "'other'", "finder": "'other'", "points": "'[[5, 5]]'"}
        changed = others.get(column.name, f'"{column.name}" + 5')
        for value, changes in ((f'"{column.name}"', False), (changed, column.name != "descriptor")):
            before = version()
            with with_faces.database.write() as session:
                session.execute(text(f'UPDATE faces SET "{column.name}" = {value} WHERE number = 1'))
            assert (version() > before) == changes, column.name
            with with_faces.database.write() as session:
                session.execute(text("UPDATE faces SET number = 1 WHERE number = 6"))
    before = version()
    give_faces(with_faces, dict.fromkeys(names_of(with_faces), ()))
    assert version() > before


def test_a_snapshot_that_is_imported_keeps_its_faces(snapshot: Path, empty: ProjectFolder, tmp_path: Path):
    call("import", snapshot, "-p", empty.path).assert_done()
    again, _ = export_snapshot(empty, tmp_path / "again", SnapshotOptions())
    assert (again / "faces.csv").read_bytes() == (snapshot / "faces.csv").read_bytes()
    with empty.database.write() as session:  # only they are left to the search
        known = select(Face.image_id)
        session.execute(update(Image).where(Image.id.not_in(known)).values(face_count=0))
    find_all_faces(empty, 1, lambda *_: None)
    searched, _ = export_snapshot(empty, tmp_path / "searched", SnapshotOptions())
    assert (searched / "faces.csv").read_bytes() == (snapshot / "faces.csv").read_bytes()
    with empty.database.read() as session:
        described = session.execute(
            select(Image.name, Image.face_count, Face.descriptor).join(Face, Face.image_id == Image.id)
        ).all()
    assert all(descriptor is not None for _, _, descriptor in described)
    assert {count for name, count, _ in described if name == read_faces_csv(snapshot)[0]["image_name"]} == {2}


def test_faces_of_other_bytes_are_not_taken(snapshot: Path, empty: ProjectFolder, tmp_path: Path):
    row = read_faces_csv(snapshot)[0]
    images = {line.split(",")[0]: line for line in (snapshot / "images.csv").read_text().splitlines()}
    file = snapshot / "images" / images[row["image_name"]].split(",")[-1]
    other_file = next(path for path in (snapshot / "images").rglob("*.jpg") if path != file)
    file.write_bytes(other_file.read_bytes())
    finished = call("import", snapshot, "-p", empty.path)
    finished.assert_done()
    assert "belong to other bytes" in finished.out + finished.err
    export_snapshot(empty, tmp_path / "again", SnapshotOptions())
    assert {face["finder"] for face in read_faces_csv(tmp_path / "again")} == {"cnn"}


def hostile_files(earlier: str, name: str) -> Iterator[tuple[str, str]]:
    """A faces.csv that must be refused, and a word of the reason."""
    good = f"{name},0,0,30,28,72,70,36,42,44,41,66,42,58,41,51,55,1.0,hog"
    yield f"{HEADER}\nnobody.jpg{good.removeprefix(name)}\n", "not in images.csv"
    yield f"{HEADER}\n{good}\n{good}\n", "numbered from 0"
    yield f"{HEADER}\n{good}\n{good.replace(name, earlier)}\n", ""
    yield f"{HEADER}\n{good.replace(',0,0,', ',1,0,')}\n", "numbered from 0"
    yield f"{HEADER}\n{good.replace(',0,0,', ',0,45,')}\n", "turn"
    yield f"{HEADER}\n{good.replace('30,28', '30,90')}\n", ""
    yield f"{HEADER}\n{good.replace('51,55', '51,5500')}\n", "outside"
    yield f"{HEADER}\n{good.replace('51,55', '51,-99999999999999')}\n", ""
    yield f"{HEADER}\n{good.replace('51,55', '51,eye')}\n", "eye"
    yield f"{HEADER}\n{good.replace('51,55', '51,')}\n", "empty"
    yield f"{HEADER}\n{good.replace('1.0', 'nan')}\n", ""
    yield f"{HEADER}\n{good},more\n", ""
    yield f"{HEADER.replace('score', 'surety')}\n{good}\n", "score"
    yield "", ""


def test_a_hostile_faces_csv_is_refused(snapshot: Path, with_faces: ProjectFolder, empty: ProjectFolder):
    for content, reason in hostile_files(*names_of(with_faces)[:2]):
        rewrite_faces_csv(snapshot, content)
        with pytest.raises(FacelabelError, match=rf"faces\.csv.*{reason}"):
            verify_snapshot(snapshot)
        with pytest.raises(SnapshotError) as caught:
            Snapshot.open(snapshot)
        assert reason in str(caught.value)
        call("import", snapshot, "-p", empty.path).assert_refused(1, "faces.csv")
    assert names_of(empty) == []


def test_the_hostile_files_differ_from_one_that_is_read(snapshot: Path):
    name = read_faces_csv(snapshot)[0]["image_name"]
    content, _ = next(hostile_files("", name))
    rewrite_faces_csv(snapshot, content.replace("nobody.jpg", name))
    verify_snapshot(snapshot)
    assert np.isfinite(Snapshot.open(snapshot).landmarks).any()
