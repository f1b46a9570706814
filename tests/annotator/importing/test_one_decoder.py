"""What the labeller sees and what the trainer gets are the same pixels, for every kind of image file."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from annotator.files import shard_path
from annotator.models import Image as ImageRow
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.odd_images import odd_images
from tests.support.projects.images import LIMITS, import_images
from trainer.data.images import load_image

COMPRESSED, REAL = 3.0, 6.0
"""Mean difference, of 255, that the compression and scaling of a view may make to a smooth picture and to a photo."""


def rows(project: ProjectFolder) -> list[ImageRow]:
    with project.database.read() as session:
        return list(session.scalars(select(ImageRow).order_by(ImageRow.name)))


def view_of(project: ProjectFolder, row: ImageRow) -> Image.Image:
    with Image.open(shard_path(project.stores.views.local_root, row.sha256, "jpg")) as view:
        return view.convert("RGB")


def assert_trainer_sees_the_view(project: ProjectFolder, row: ImageRow, tolerance: float) -> None:
    side = 64
    view = view_of(project, row).resize((side, side), Image.Resampling.BILINEAR)
    tensor = (
        load_image(shard_path(project.stores.images.local_root, row.sha256, row.extension), side)
        .permute(1, 2, 0)
        .numpy()
    )
    difference = np.abs(np.asarray(view).astype(int) - tensor).mean()
    assert difference <= tolerance, f"{row.name}: {difference:.1f}"


def test_view_and_tensor_come_from_the_same_pixels_for_every_mode_and_format(
    project: ProjectFolder, tmp_path: Path
) -> None:
    odd = odd_images()
    for image in odd:
        (tmp_path / image.name).write_bytes(image.content)
    report = import_images(project, [tmp_path / image.name for image in odd], LIMITS)
    assert (report.imported, report.refused) == (len(odd), [])
    expected = {image.name: image for image in odd}
    for row in rows(project):
        assert (row.height, row.width) == expected[row.name].pixels.shape[:2]
        view = np.asarray(view_of(project, row)).astype(int)
        assert np.abs(view - expected[row.name].pixels).mean() <= expected[row.name].tolerance + COMPRESSED, (
            row.name
        )
        assert_trainer_sees_the_view(project, row, REAL)


def test_the_original_is_stored_under_the_ending_of_its_content(
    project: ProjectFolder, tmp_path: Path
) -> None:
    contents = {image.name: image.content for image in odd_images()}
    (tmp_path / "photo.png").write_bytes(contents["plain.avif"])
    import_images(project, [tmp_path / "photo.png"], LIMITS)
    [row] = rows(project)
    assert row.extension == "avif"
    assert (
        shard_path(project.stores.images.local_root, row.sha256, "avif").read_bytes()
        == contents["plain.avif"]
    )


def test_notes_about_files_reach_the_report_of_an_import_and_of_a_rehearsal(
    project: ProjectFolder, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for image in odd_images():
        if image.name in {"pages.tif", "plain.jpg"}:
            (tmp_path / "photos" / image.name).write_bytes(image.content)
    for options in (["--dry-run"], []):
        done = call("import", tmp_path / "photos", "--json", "-p", project.path, *options)
        done.assert_done()
        report = json.loads(done.out)["images"]
        assert report["image_notes"] == {"pages.tif": "only the first of its 3 pages is used"}


def test_the_command_prints_notes_about_files(project: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(22):
        pages = [Image.new("RGB", (32, 32), (number, page, 0)) for page in range(2)]
        pages[0].save(tmp_path / "photos" / f"{number:02d}.tif", save_all=True, append_images=pages[1:])
    finished = call("import", tmp_path / "photos", "-p", project.path)
    finished.assert_done()
    assert "note: 00.tif: only the first of its 2 pages is used" in finished.err
    assert "and 2 more notes about files" in finished.err


def test_an_image_with_too_many_pixels_is_refused_with_the_name_of_the_setting(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELABEL_MAX_PIXELS", "10000")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (200, 100)).save(tmp_path / "photos" / "large.png")
    finished = call("import", tmp_path / "photos", "-p", project.path)
    finished.assert_refused(1, "large.png has 200×100 pixels, more than 10,000 (FACELABEL_MAX_PIXELS)")


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["phone", "wild"])
def test_real_photos_come_in_upright(project: ProjectFolder, shared: Path, folder: str) -> None:
    photos = shared / folder / "images"
    if not photos.is_dir():
        pytest.skip(f"{photos} is not there")
    report = import_images(project, [photos], LIMITS)
    assert (report.imported, report.refused) == (len(list(photos.iterdir())), [])
    for row in rows(project):
        view = view_of(project, row)
        assert (row.width > row.height) == (view.width > view.height)
        assert_trainer_sees_the_view(project, row, REAL)


@pytest.mark.shared
def test_phones_photos_of_people_stand_upright(project: ProjectFolder, shared: Path) -> None:
    """Their sizes as every viewer shows them."""
    photos = shared / "phone" / "images"
    if not photos.is_dir():
        pytest.skip(f"{photos} is not there")
    upright = {
        "IMG_2927.HEIC": (3024, 4032),
        "Issue_263_dotnet.heic": (3024, 4032),
        "Issue_487.heic": (3024, 4032),
        "exif-at-eof.heic": (3024, 4032),
        "iPhoneXR.heic": (4032, 3024),
        "Kodak_DX6490.jpg": (1728, 2304),
    }
    import_images(project, [photos / name for name in upright], LIMITS)
    assert {row.name: (row.width, row.height) for row in rows(project)} == upright
