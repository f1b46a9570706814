"""Tiles and thumbnails: parts of the original, upright, in sRGB, without metadata, cut by decoders and kept."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import ExifTags, Image, ImageCms

from annotator.domain.faces.boxes import Box
from annotator.domain.faces.crops import Crop, thumbnail_crop, tile_crop
from annotator.errors import Busy, NotFound
from annotator.files import shard_path
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.faces.tiles import THUMBNAIL_SIDE, TILE_SIDE, TileStore, parse_tile, tile_name
from tests.support.projects.face_photos import draw_face_photo, found_face, record_faces
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server

FACE = Box(1500, 500, 1900, 900)
SIZE = (2400, 1600)


def hash_of(project: ProjectFolder) -> str:
    """The SHA-256 of the project's one image."""
    return next(path.stem for path in project.views.glob("??/*"))


@pytest.fixture
def photo(project: ProjectFolder, tmp_path: Path) -> ProjectFolder:
    """A project of one large photo with one face."""
    import_images(project, [draw_face_photo(tmp_path / "photo.jpg", [FACE], SIZE)])
    record_faces(project, "photo.jpg", [found_face(FACE)])
    return project


@pytest.fixture
def store(photo: ProjectFolder) -> Iterator[TileStore]:
    made = TileStore(photo, LIMITS, 2**30, waiting=4)
    yield made
    made.close()


def opened(tile: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(tile))
    assert image.format == "JPEG"
    assert image.mode == "RGB"
    return image


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean difference of two images, of 255."""
    assert a.size == b.size
    return float(np.abs(np.asarray(a, int) - np.asarray(b, int)).mean())


def test_a_tile_has_the_pixels_of_the_original(photo: ProjectFolder, store: TileStore, tmp_path: Path):
    crop = tile_crop(FACE, found_face(FACE).points, 0, *SIZE)
    tile = opened(store.read(hash_of(photo), crop, TILE_SIDE))
    with Image.open(tmp_path / "photo.jpg") as original:
        cut = original.convert("RGB").crop(crop.box)
        assert tile.size == cut.size
        assert difference(tile, cut) < 3
        whole = opened(store.read(hash_of(photo), Crop(Box(0, 0, *SIZE), 0), TILE_SIDE))
        assert whole.size == (1600, 1067)
        assert difference(whole, original.convert("RGB").resize(whole.size, Image.Resampling.LANCZOS)) < 3


def test_a_photo_that_lies_down_is_cut_upright_in_srgb_and_without_metadata(
    project: ProjectFolder, tmp_path: Path
):
    pixels = Image.new("RGB", (1400, 1100), (10, 120, 40))
    pixels.paste((250, 20, 20), (0, 0, 300, 300))  # upper left as it lies, upper right as it stands
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    pixels.save(tmp_path / "lying.jpg", quality=95, exif=exif, icc_profile=profile.tobytes())
    import_images(project, [tmp_path / "lying.jpg"])
    store = TileStore(project, LIMITS, 2**30, waiting=4)
    try:
        corner = opened(store.read(hash_of(project), Crop(Box(800, 0, 1100, 300), 0), TILE_SIDE))
        turned = opened(store.read(hash_of(project), Crop(Box(0, 0, 300, 300), 270), TILE_SIDE))
    finally:
        store.close()
    for tile in (corner, turned):
        assert np.abs(np.asarray(tile, int).mean((0, 1)) - (250, 20, 20)).max() < 6
        assert not tile.getexif()
        assert "icc_profile" not in tile.info


def test_an_image_is_never_enlarged_and_a_thumbnail_comes_from_the_view_where_that_suffices(
    photo: ProjectFolder, store: TileStore
):
    small = opened(store.read(hash_of(photo), Crop(Box(100, 100, 220, 180), 0), TILE_SIDE))
    assert small.size == (120, 80)
    head = thumbnail_crop(FACE, found_face(FACE).points, 0, *SIZE)
    assert head
    assert opened(store.read(hash_of(photo), head, THUMBNAIL_SIDE)).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    wide = Crop(Box(0, 0, 2400, 1600), 0)
    shard_path(photo.images, hash_of(photo), "jpg").unlink()
    assert opened(store.read(hash_of(photo), wide, THUMBNAIL_SIDE)).size == (480, 320)
    with pytest.raises(NotFound, match=r"photo\.jpg cannot be opened"):
        store.read(hash_of(photo), wide, TILE_SIDE)


def test_a_kept_tile_needs_no_decoder_and_the_oldest_ones_make_room(photo: ProjectFolder):
    crops = [Crop(Box(1500 + 10 * n, 500, 1900, 900), 0) for n in range(4)]
    store = TileStore(photo, LIMITS, 2**30, waiting=4)
    first = store.read(hash_of(photo), crops[0], TILE_SIDE)
    store.close()
    kept = [path for path in (photo.cache / "tiles").glob("*/*") if path.read_bytes() == first]
    assert len(kept) == 1
    shard_path(photo.images, hash_of(photo), "jpg").rename(photo.path / "away.jpg")
    again = TileStore(photo, LIMITS, int(2.6 * len(first)), waiting=4)
    assert again.read(hash_of(photo), crops[0], TILE_SIDE) == first
    (photo.path / "away.jpg").rename(shard_path(photo.images, hash_of(photo), "jpg"))
    os.utime(kept[0], (0, 0))
    for crop in crops[1:]:
        again.read(hash_of(photo), crop, TILE_SIDE)
    again.close()
    left = list((photo.cache / "tiles").glob("*/*"))
    assert kept[0] not in left
    assert sum(path.stat().st_size for path in left) <= 2.6 * len(first)
    assert [path.name for path in left if path.suffix != ".jpg"] == []


def test_a_decoder_that_is_killed_and_too_many_requests_are_told_and_the_next_request_works(
    photo: ProjectFolder,
):
    crop = Crop(Box(0, 0, 2400, 1600), 0)
    full = TileStore(photo, LIMITS, 2**30, waiting=1)
    with full._turn(1), pytest.raises(Busy):
        full.read(hash_of(photo), crop, TILE_SIDE)
    full.read(hash_of(photo), crop, TILE_SIDE)
    assert full._pool is not None
    for decoder in list(full._pool._processes.values()):
        os.kill(decoder.pid or 0, signal.SIGKILL)
        decoder.join()
    other = Crop(Box(0, 0, 2300, 1600), 0)
    with pytest.raises(Busy, match="ended"):
        full.read(hash_of(photo), other, TILE_SIDE)
    assert opened(full.read(hash_of(photo), other, TILE_SIDE)).size == (1600, 1113)
    full.close()


def test_an_image_beyond_the_limits_is_not_decoded(photo: ProjectFolder):
    store = TileStore(photo, Limits(1_000_000, 2**27), 2**30, waiting=4)
    with pytest.raises(NotFound, match="FACELABEL_MAX_PIXELS"):
        store.read(hash_of(photo), Crop(Box(0, 0, 2400, 1600), 0), TILE_SIDE)
    store.close()


def test_names_of_tiles_are_numbers_of_a_part_and_nothing_else():
    crop = Crop(Box(1, 2, 30, 40), 90)
    assert parse_tile(tile_name(crop, 640)) == (crop, 640)
    odd = (
        "",
        "1-2-3-4-0",
        "1-2-3-4-45-9",
        "-1-2-3-4-0-9",
        "1-2-3-4-0-9/..",
        "../../facelabel",
        "1-2-3-9999999-0-9",
    )
    sides = ("1-2-3-4-0-0", "1-2-3-4-0-1601")
    assert [parse_tile(name) for name in (*odd, *sides)] == [None] * 9


def test_the_task_names_its_tile_and_another_face_gives_it_another_name(photo: ProjectFolder):
    photo.database.close()
    with Server(photo.path) as server:
        client = server.client()
        task = client.next()["tasks"][0]
        assert task["face"]["small"]
        assert task["face"]["turn"] == 0
        box = tile_crop(FACE, found_face(FACE).points, 0, *SIZE).box
        sides = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
        url = server.url + task["tile_url"].format(**sides, side=800)
        answer = client.session.get(url, timeout=60)
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert opened(answer.content).size == (800, 800)
        outside = url.replace(f"-{box.bottom}-0-", "-5000-0-")
        assert client.session.get(outside, timeout=60).status_code == 404
        unknown = url.replace(task["tile_url"][7:71], "0" * 64)
        assert client.session.get(unknown, timeout=60).status_code == 404
        small = client.session.get(server.url + task["thumbnail_url"], timeout=60)
        assert opened(small.content).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        card = requests.get(f"{server.url}/api/v1/images", timeout=60).json()["images"][0]
        assert card["thumbnail_url"] == task["thumbnail_url"]
        record_faces(photo, "photo.jpg", [found_face(Box(300, 600, 600, 900))])
        moved = client.get("/images")["images"][0]
        assert moved["thumbnail_url"] != task["thumbnail_url"]
        photo.database.close()
