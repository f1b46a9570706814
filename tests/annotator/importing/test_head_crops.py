"""Photos imported as head crops: every face becomes an upright image without metadata, and the photo is kept."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageOps
from sqlalchemy import select

from annotator.domain.grouping.splits import photo_group
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.imaging.image_files import Limits
from annotator.models import Face
from annotator.models import Image as ImageRow
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.importing.photos import import_head_crops
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import list_images
from annotator.services.projects import init_project
from tests.support.projects.images import LIMITS, import_images
from tests.support.waiting import wait_until


def import_photos(project: ProjectFolder, sources: list[Path], limits: Limits) -> ImageReport:
    report = ImageReport()
    import_head_crops(project, list_images(sources).files, limits, report)
    return report


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    folder = tmp_path_factory.mktemp("person")
    draw_faces(folder, 6, size=256)
    with Image.open(folder / "0006.jpg") as opened:
        return opened.convert("RGB")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, person: Image.Image) -> Path:
    """A photo of two people, one of one, one of nobody, one damaged, in two folders."""
    folder = tmp_path_factory.mktemp("photos") / "album"
    (folder / "party").mkdir(parents=True)
    both = Image.new("RGB", (900, 420), (90, 120, 90))
    both.paste(person, (20, 100))
    both.paste(person.resize((380, 380)), (480, 20))
    both.save(folder / "party" / "both.png")
    alone = Image.new("RGB", (640, 480), (120, 120, 140))
    alone.paste(person, (330, 150))
    exif = Image.Exif()
    exif[ExifTags.Base.BodySerialNumber] = "SERIAL-4711"
    exif[ExifTags.Base.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    alone.save(folder / "alone.jpg", exif=exif)
    Image.new("RGB", (300, 200), "navy").save(folder / "nobody.png")
    (folder / "damaged.jpg").write_bytes((folder / "alone.jpg").read_bytes()[:3000])
    return folder


def rows(project: ProjectFolder) -> dict[str, ImageRow]:
    with project.database.read() as session:
        return {image.name: image for image in session.scalars(select(ImageRow).order_by(ImageRow.name))}


def state(project: ProjectFolder) -> list[tuple[object, ...]]:
    return [
        (i.name, i.sha256, i.width, i.height, i.group, i.split, i.face_count, i.photo_sha256, i.crop_box)
        for i in rows(project).values()
    ]


def test_each_face_is_an_image_and_a_photo_without_one_is_kept_whole(project: ProjectFolder, photos: Path):
    report = import_photos(project, [photos], LIMITS)
    assert [name for name, _ in report.refused] == ["damaged.jpg"]
    found = rows(project)
    assert list(found) == ["alone~face1.jpg", "nobody.jpg", "party/both~face1.jpg", "party/both~face2.jpg"]
    assert [image.face_count for image in found.values()] == [1, 0, 1, 1]
    first, second = found["party/both~face1.jpg"], found["party/both~face2.jpg"]
    assert first.width > second.width
    assert first.group == second.group == photo_group(str(first.photo_sha256))
    assert first.split == second.split
    assert first.original_path == "party/both.png"
    assert found["nobody.jpg"].crop_box == "0 0 300 200"
    with project.database.read() as session:
        for face in session.scalars(select(Face)):
            image = session.get_one(ImageRow, face.image_id)
            assert 0 < face.left < face.right < image.width
            assert 0 < face.top < face.bottom <= image.height + 10
            assert face.descriptor is not None
            assert len(face.descriptor) == 512


def test_a_crop_is_the_part_in_its_box_and_has_no_metadata(project: ProjectFolder, photos: Path):
    import_photos(project, [photos], LIMITS)
    image = rows(project)["alone~face1.jpg"]
    box = [int(number) for number in str(image.crop_box).split()]
    file = project.images / image.sha256[:2] / f"{image.sha256}.jpg"
    with Image.open(file) as crop, Image.open(photos / "alone.jpg") as photo:
        assert crop.size == (box[2] - box[0], box[3] - box[1]) == (image.width, image.height)
        assert not crop.getexif()
        there = photo.convert("RGB").crop(tuple(box)).resize((16, 16))
        pairs = zip(crop.resize((16, 16)).tobytes(), there.tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) < 12
    assert b"SERIAL-4711" not in file.read_bytes()
    kept = next(project.photos.glob(f"*/{image.photo_sha256}.jpg"))
    assert kept.read_bytes() == (photos / "alone.jpg").read_bytes()


def test_a_snapshot_names_the_origin_of_crops_and_holds_no_photo(
    project: ProjectFolder, photos: Path, tmp_path: Path
):
    import_photos(project, [photos], LIMITS)
    export_snapshot(project, tmp_path / "snapshot", SnapshotOptions(images="copy"))
    with (tmp_path / "snapshot" / "images.csv").open(newline="") as file:
        listed = {row["image_name"]: row for row in csv.DictReader(file)}
    image = rows(project)["party/both~face2.jpg"]
    row = listed["party/both~face2.jpg"]
    assert (row["crop_box"], row["original_path"], row["source"]) == (
        image.crop_box,
        "party/both.png",
        "album",
    )
    held = [path.read_bytes() for path in (tmp_path / "snapshot").rglob("*") if path.is_file()]
    assert not any(b"SERIAL-4711" in content for content in held)


def test_a_photo_of_any_orientation_gives_an_upright_head(
    project: ProjectFolder, tmp_path: Path, person: Image.Image
):
    upright = [
        person.resize((256 + orientation,) * 2) for orientation in range(9)
    ]  # no two crops are the same
    for orientation, photo in enumerate(upright):
        stored = photo if orientation < 2 else _stored_as(photo, orientation)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        stored.save(tmp_path / f"{orientation}.jpg", exif=exif, quality=95)
    import_photos(project, sorted(tmp_path.glob("?.jpg")), LIMITS)
    found = rows(project)
    assert len(found) == 9
    for orientation, photo in enumerate(upright):
        image = found[f"{orientation}~face1.jpg"]
        assert image.turn == 0, orientation
        box = tuple(int(number) for number in str(image.crop_box).split())
        assert_shows(project, image, photo.crop(box))


def assert_shows(project: ProjectFolder, image: ImageRow, expected: Image.Image) -> None:
    """The stored crop looks like this one."""
    with Image.open(project.images / image.sha256[:2] / f"{image.sha256}.jpg") as crop:
        pairs = zip(crop.resize((8, 8)).tobytes(), expected.resize((8, 8)).tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) < 20, image.name


def _stored_as(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels that a camera with this orientation stores."""
    for how in Image.Transpose:
        candidate = upright.transpose(how)
        exif = candidate.getexif()
        exif[ExifTags.Base.Orientation] = orientation
        if ImageOps.exif_transpose(candidate).tobytes() == upright.tobytes():
            return upright.transpose(how)
    raise AssertionError(orientation)


def test_a_photo_on_its_side_gives_an_upright_head(
    project: ProjectFolder, tmp_path: Path, person: Image.Image
):
    turns = (90, 180, 270)
    for turned in turns:
        wide = Image.new("RGB", (500, 300), (90, turned // 2, 90))
        wide.paste(person, (200, 30))
        wide.rotate(-turned, expand=True).save(tmp_path / f"{turned}.png")
    import_photos(project, [tmp_path / f"{turned}.png" for turned in turns], LIMITS)
    for turned in turns:
        image = rows(project)[f"{turned}~face1.jpg"]
        assert (image.turn + turned) % 360 == 0
        with Image.open(tmp_path / f"{turned}.png") as photo:
            cut = photo.crop(tuple(int(number) for number in str(image.crop_box).split()))
        upright = cut.rotate(-image.turn, expand=True)
        assert upright.size == (image.width, image.height)
        assert_shows(project, image, upright)


def test_a_photo_of_any_pixel_format_is_cut(project: ProjectFolder, tmp_path: Path, person: Image.Image):
    modes = ("L", "LA", "RGBA", "CMYK", "P")
    files = [tmp_path / f"{mode}.{'tif' if mode == 'CMYK' else 'png'}" for mode in modes]
    for number, (mode, file) in enumerate(zip(modes, files, strict=True)):
        photo = person.point(lambda level, number=number: max(0, level - number))  # no two crops are the same
        (photo.convert("L").convert(mode) if mode == "LA" else photo.convert(mode)).save(file)
    import_photos(project, files, LIMITS)
    assert sorted(rows(project)) == sorted(f"{mode}~face1.jpg" for mode in modes)


def test_importing_again_and_after_the_whole_photo_changes_nothing(project: ProjectFolder, photos: Path):
    import_images(project, [photos / "alone.jpg"], LIMITS)
    import_photos(project, [photos], LIMITS)
    before = state(project)
    report = import_photos(project, [photos], LIMITS)
    assert (report.imported, report.already) == (0, 4)
    assert state(project) == before
    found = rows(project)
    assert found["alone.jpg"].group == found["alone~face1.jpg"].group


def test_a_killed_import_is_completed_by_the_next_one(tmp_path: Path, photos: Path, project: ProjectFolder):
    killed = init_project(tmp_path / "killed")
    command = [sys.executable, "-m", "annotator", "import", "--faces", str(photos), "-p", str(killed.path)]
    running = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.DEVNULL)
    wait_until(lambda: running.poll() is not None or any(killed.photos.glob("*/*")), "the first photo is cut")
    running.kill()
    running.wait(120)
    import_photos(killed, [photos], LIMITS)
    import_photos(project, [photos], LIMITS)
    assert state(killed) == state(project)
    killed.database.close()
