"""Importing folders of images: storing, naming, and the views."""

import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from sqlalchemy import select

from annotator.errors import WrongUse
from annotator.files import shard_path
from annotator.imaging.image_files import Limits, RefusedImageError, read_header, read_image
from annotator.imaging.plain_jpeg import is_plain_jpeg
from annotator.models import Image as ImageRow
from annotator.models import ImageAlias
from annotator.project import ProjectFolder
from tests.support.projects.images import LIMITS, import_images


def rows(project: ProjectFolder) -> list[ImageRow]:
    with project.database.read() as session:
        return list(session.scalars(select(ImageRow).order_by(ImageRow.name)))


def picture(
    color: str = "white", size: tuple[int, int] = (40, 30), kind: str = "JPEG", **more: object
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind, **more)
    return buffer.getvalue()


def test_every_image_is_stored_by_content_with_its_view(filled: ProjectFolder, faces: Path):
    found = rows(filled)
    assert [row.name for row in found] == [f"{i:04d}.jpg" for i in range(1, 41)]
    for row in found:
        assert (
            shard_path(filled.stores.images.local_root, row.sha256, "jpg").read_bytes()
            == (faces / row.original_path).read_bytes()
        )
        with Image.open(shard_path(filled.stores.views.local_root, row.sha256, "jpg")) as view:
            assert view.size == (row.width, row.height)


def test_running_the_import_again_changes_nothing(filled: ProjectFolder, faces: Path):
    before = [(r.id, r.name, r.sha256) for r in rows(filled)]
    report = import_images(filled, [faces], LIMITS)
    assert (report.imported, report.already, report.duplicates, report.refused) == (0, 40, [], [])
    assert [(r.id, r.name, r.sha256) for r in rows(filled)] == before


def test_folders_are_walked_and_names_keep_their_path(project: ProjectFolder, tmp_path: Path):
    source = tmp_path / "photos"
    (source / "b" / "c").mkdir(parents=True)
    (source / "a.png").write_bytes(picture("red", kind="PNG"))
    (source / "b" / "c" / "x.jpeg").write_bytes(picture("blue"))
    (source / "notes.txt").write_text("no image")
    report = import_images(project, [source], LIMITS)
    assert (report.imported, report.left_aside) == (2, 1)
    assert [(r.name, r.source, r.extension) for r in rows(project)] == [
        ("a.png", "photos", "png"), ("b/c/x.jpeg", "photos", "jpg"),
    ]  # fmt: skip


def test_the_same_bytes_under_another_name_are_one_image_with_an_alias(
    project: ProjectFolder, tmp_path: Path
):
    source = tmp_path / "photos"
    source.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (source / name).write_bytes(picture())
    report = import_images(project, [source], LIMITS)
    assert (report.imported, report.duplicates) == (1, [("b.jpg", "a.jpg")])
    with project.database.read() as session:
        assert set(session.scalars(select(ImageAlias.name))) == {"b.jpg", "photos/b.jpg"}
    again = import_images(project, [source], LIMITS)
    assert (again.imported, again.already, again.duplicates) == (0, 2, [])


def test_several_pairs_of_the_same_bytes_in_one_folder_are_one_image_each(
    project: ProjectFolder, tmp_path: Path
):
    for number, color in enumerate(["white", "red", "blue", "red", "white", "blue", "blue"]):
        (tmp_path / f"{number}.jpg").write_bytes(picture(color))
    report = import_images(project, [tmp_path], LIMITS)
    assert report.imported == 3
    assert report.duplicates == [
        ("3.jpg", "1.jpg"),
        ("4.jpg", "0.jpg"),
        ("5.jpg", "2.jpg"),
        ("6.jpg", "2.jpg"),
    ]
    assert [row.name for row in rows(project)] == ["0.jpg", "1.jpg", "2.jpg"]


def test_another_image_of_the_same_name_gets_a_new_name(project: ProjectFolder, tmp_path: Path):
    for folder, color in (("one", "red"), ("two", "blue")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").write_bytes(picture(color))
    import_images(project, [tmp_path / "one"], LIMITS)
    report = import_images(project, [tmp_path / "two"], LIMITS)
    [(old, new)] = report.renamed
    assert old == "two/a.jpg"
    assert [r.name for r in rows(project)] == ["a.jpg", new]
    assert import_images(project, [tmp_path / "two"], LIMITS).already == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_to_view_and_size(orientation: int):
    upright = Image.new("RGB", (60, 40), "white")
    upright.paste("red", (0, 0, 30, 20))  # top left
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[
        orientation
    ]  # how a camera would have stored it
    stored = upright if turned is None else upright.transpose(Image.Transpose(turned))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", quality=95, exif=exif, comment=b"camera no. 4711")
    header, shown = read_image(buffer.getvalue(), LIMITS)
    assert header == read_header(buffer.getvalue(), LIMITS)
    assert b"4711" not in shown
    with Image.open(io.BytesIO(shown)) as view:
        assert (header.width, header.height) == view.size == (60, 40)
        assert view.getpixel((8, 8))[1] < 60
        assert view.getpixel((50, 30))[1] > 200
        assert not view.getexif()


def test_a_plain_jpeg_is_its_own_view():
    content = picture(quality=95)
    assert read_image(content, LIMITS)[1] == content


@pytest.mark.parametrize(
    "changed",
    [
        lambda plain: plain[:2] + b"\xff\xfe\x00\x08camera" + plain[2:],
        lambda plain: plain[:20] + b"\xff\xfe\x00\x08camera" + plain[20:],
        lambda plain: plain[:20] + b"\xff\xe2\x00\x08colour" + plain[20:],
        lambda plain: plain + b"<script>camera</script>",
        lambda plain: plain[:18] + b"\x01\x01\x00\x00\x00" + plain[20:],
        lambda plain: plain[:-2] + b"\xff\xfe\x00\x08camera\xff\xd9",
        lambda _: picture(size=(1030, 60)),
        lambda _: picture(progressive=True),
        lambda _: picture(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
        lambda _: _gray(),
    ],
    ids=["before JFIF", "comment", "profile", "after the end", "thumbnail", "after the scan", "large", "progressive",
         "EXIF", "gray"],
)  # fmt: skip
def test_a_jpeg_with_anything_besides_its_picture_is_encoded_again(changed: Callable[[bytes], bytes]):
    content = changed(picture())
    shown = read_image(content, LIMITS)[1]
    assert shown != content
    assert b"camera" not in shown
    assert is_plain_jpeg(shown)


def _gray() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_bytes_are_plain_only_up_to_their_own_end(data: st.DataObject):
    """Any bytes are judged without an error."""
    content = bytearray(picture())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    if is_plain_jpeg(cut):
        assert cut.endswith(b"\xff\xd9")
        assert len(cut) == len(content)


def test_the_view_is_a_copy_if_the_disk_has_no_links(project: ProjectFolder, faces: Path):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        project.stores.views.local_root.symlink_to(elsewhere)
        assert import_images(project, [faces], LIMITS).imported == 40
        for row in rows(project):
            view, image = (
                shard_path(root, row.sha256, "jpg")
                for root in (project.stores.views.local_root, project.stores.images.local_root)
            )
            assert view.read_bytes() == image.read_bytes()
            assert view.stat().st_dev != image.stat().st_dev


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_pixel_format_becomes_an_rgb_view(mode: str):
    image = Image.new(mode, (32, 32))
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(read_image(buffer.getvalue(), LIMITS)[1])) as view:
        assert (view.mode, view.size) == ("RGB", (32, 32))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "not an image"),
        (picture(size=(8, 8)), "only 8×8"),
        (picture(size=(16, 400)), "strip"),
        (picture(size=(200, 200)), "more than 30,000"),
        (picture()[:-200], "damaged"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "vector drawing"),
    ],
)
def test_an_unusable_image_is_refused_with_the_reason(content: bytes, reason: str):
    limits = Limits(max_pixels=30_000, max_file_bytes=10**6)
    with pytest.raises(RefusedImageError, match=reason):
        read_image(content, limits)


def test_a_refused_file_does_not_stop_the_others(project: ProjectFolder, tmp_path: Path, faces: Path):
    source = tmp_path / "mixed"
    source.mkdir()
    shutil.copy(faces / "0001.jpg", source)
    (source / "text.jpg").write_text("not a picture")
    (source / "empty.png").touch()
    report = import_images(project, [source], LIMITS)
    assert report.imported == 1
    assert [name for name, _ in report.refused] == ["empty.png", "text.jpg"]


def test_a_source_that_does_not_exist_is_refused(project: ProjectFolder, tmp_path: Path):
    with pytest.raises(WrongUse, match="does not exist"):
        import_images(project, [tmp_path / "nowhere"], LIMITS)
