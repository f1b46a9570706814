"""Room on the disk: a reserve that no import touches, and announced files that are counted, listed and expire."""

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image as Picture
from sqlalchemy import update

from annotator.errors import NoRoom
from annotator.files import RESERVE_SHARE, free_bytes
from annotator.imaging.image_files import Limits
from annotator.models import Import
from annotator.project import ProjectFolder
from annotator.services.importing.images import import_files
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import list_images
from annotator.services.importing.uploads import EXPIRES, expire_uploads, upload_folder
from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.hostile.uploading import announce
from tests.support.serving import Server

RESERVE = 2**30


def noise(folder: Path, count: int) -> None:
    """Images of some 190 KB, which no compression makes smaller."""
    folder.mkdir()
    for number in range(count):
        Picture.frombytes("RGB", (256, 256), secrets.token_bytes(3 * 256 * 256)).save(
            folder / f"{number:03d}.png"
        )


def test_the_reserve_is_at_most_a_share_of_the_disk(tmp_path: Path):
    disk = shutil.disk_usage(tmp_path)
    assert free_bytes(tmp_path, 0) == pytest.approx(disk.free, rel=0.01)
    assert free_bytes(tmp_path, 2**60) == pytest.approx(disk.free - RESERVE_SHARE * disk.total, rel=0.01)


def test_an_import_of_images_leaves_the_reserve(small_disk: Path, tmp_path: Path):
    noise(tmp_path / "photos", 90)
    project = init_project(small_disk / "project")
    listing = list_images([tmp_path / "photos"])
    limits = Limits(64_000_000, 2**27, RESERVE)
    with pytest.raises(NoRoom, match="a reserve stays free"):
        import_files(project, listing.files, limits, ImageReport(found=listing.found))
    disk = shutil.disk_usage(small_disk)
    assert disk.free > RESERVE_SHARE * disk.total - 2**18, "what was written beside it since is small"
    project.database.close()


def test_unpacking_an_archive_leaves_the_reserve(small_disk: Path, tmp_path: Path):
    noise(tmp_path / "photos", 90)
    archive = shutil.make_archive(str(tmp_path / "photos"), "tar", tmp_path / "photos")
    project = init_project(small_disk / "project")
    project.database.close()
    refused = call("import", archive, "-p", project.path)
    refused.assert_refused(1, "a reserve stays free")
    assert list(project.path.glob(".import-*")) == []


def test_announced_files_are_counted_together(filled: ProjectFolder):
    with Server(filled.path, FACELABEL_MAX_UPLOAD_BYTES=str(2**60)) as server:
        size = server.client().get("/imports")["room"] * 2 // 3
        first = announce(server, size)
        assert first.status_code == 201
        second = announce(server, size)
        assert (second.status_code, second.json()["error"]["code"]) == (507, "no_room")
        listed = server.client().get("/imports")
        assert [row["id"] for row in listed["imports"]] == [first.json()["id"]], "a refused one keeps no room"
        assert listed["announced"] == size - 1
        server.client().post(f"/imports/{first.json()['id']}/discard", {}).raise_for_status()
        assert server.client().get("/imports")["announced"] == 0
        assert announce(server, size).status_code == 201


def test_all_files_that_are_still_to_arrive_are_listed(server: Server):
    numbers = [announce(server, 1000).json()["id"] for _ in range(52)]
    assert [row["id"] for row in server.client().get("/imports")["imports"]] == numbers[::-1]


def test_a_file_of_which_nothing_arrives_is_discarded(server: Server, filled: ProjectFolder):
    old, new = announce(server, 1000).json()["id"], announce(server, 1000).json()["id"]
    expire_uploads(filled)
    assert server.client().get("/imports")["announced"] == 2 * 999
    long_ago = datetime.now(UTC) - EXPIRES - timedelta(minutes=1)
    with filled.database.write() as session:
        session.execute(update(Import).values(created_at=long_ago))
    os.utime(upload_folder(filled, old) / "a.bin", (long_ago.timestamp(), long_ago.timestamp()))
    third = announce(server, 1000).json()["id"]  # a new file looks for those that keep its room
    states = {row["id"]: row["state"] for row in server.client().get("/imports")["imports"]}
    assert states == {old: "discarded", new: "receiving", third: "receiving"}
    assert not upload_folder(filled, old).exists()
    assert upload_folder(filled, new).exists()
