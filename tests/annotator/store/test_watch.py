"""Addresses that a worker lists on a schedule, against a real S3 server."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import func, select, update

from annotator.app import create_app
from annotator.config import Settings
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.importing.bucket.addresses import RETRY, due_address
from annotator.services.importing.bucket.seen import SeenObjects
from annotator.services.importing.bucket.watch import BucketWatch
from annotator.services.importing.reports import ImageReport
from annotator.store.bucket import Bucket
from tests.support.commands import call
from tests.support.projects.erasing import erase
from tests.support.projects.images import draw_plain_images, names_of
from tests.support.storage.s3 import BUCKET, SECRET, WATCHED, S3Server
from tests.support.storage.watching import list_again, pass_time, watched


def is_due(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return due_address(session) is not None


def test_what_is_new_is_imported_and_nothing_else_is_read(
    watching: ProjectFolder, s3: S3Server, tmp_path: Path
):
    assert not is_due(watching)
    assert not BucketWatch(watching, Settings()).run_if_due()
    draw_plain_images(tmp_path / "later", 4)
    content = (tmp_path / "later" / "0003.png").read_bytes()
    s3.client().put_object(Bucket=BUCKET, Key="photos/2026/new.png", Body=content)
    for key in s3.keys("team/one/links/"):
        s3.client().delete_object(Bucket=BUCKET, Key=key)
    status = list_again(watching)
    assert "3 images there, 1 of them new then" in status.text
    assert status.problem == ""
    assert len(names_of(watching)) == 6
    assert len(s3.keys("team/one/links/")) == 1, "images that were here were read again"
    assert "0 of them new then" in list_again(watching).text
    shutil.rmtree(watching.cache / "watched")
    assert "0 of them new then" in list_again(watching).text
    assert len(names_of(watching)) == 6


def test_what_is_wrong_with_objects_is_said_until_it_is_right(watching: ProjectFolder, s3: S3Server):
    first, second = [key for key in s3.keys("photos/") if key.endswith(".png")]
    before = s3.client().get_object(Bucket=BUCKET, Key=first)["Body"].read()
    s3.client().put_object(Bucket=BUCKET, Key=first, Body=before + b" ")
    s3.client().delete_object(Bucket=BUCKET, Key=second)
    s3.client().put_object(Bucket=BUCKET, Key="photos/bad.png", Body=b"no image")
    for _ in range(2):
        problem = list_again(watching).problem
        assert (
            "1 object has other bytes than at its import, so its image has lost its file: 0000.png."
            in problem
        )
        assert "1 object is gone, so its image has lost its file: 0001.png." in problem
        assert "1 object was refused: bad.png" in problem
        assert len(names_of(watching)) == 5
    s3.client().put_object(Bucket=BUCKET, Key=first, Body=before)
    s3.client().delete_object(Bucket=BUCKET, Key="photos/bad.png")
    assert list_again(watching).problem.count("object") == 1
    answer = create_app(watching, Settings()).test_client().get("/api/v1/imports").json
    [shown] = answer["watched"]
    assert (shown["every_seconds"], "0001.png" in shown["problem"]) == (900, True)
    checked = call("doctor", "-p", watching.path).out
    assert f"– watched address    {shown['problem']}" in checked


def test_a_store_that_does_not_answer_is_said_and_asked_again(watching: ProjectFolder, s3: S3Server):
    s3.stop()
    try:
        problem = list_again(watching).problem
        assert "cannot be used now" in problem
        assert SECRET not in problem
        assert not is_due(watching)
    finally:
        s3.start()
    pass_time(watching, RETRY)
    assert not is_due(watching), "its time has not come"
    assert list_again(watching).problem == ""


def test_one_worker_lists_and_one_that_must_stop_leaves_it_due(watching: ProjectFolder):
    pass_time(watching)
    with claimed(watching, "import"):
        assert not BucketWatch(watching, Settings()).run_if_due()
    assert BucketWatch(watching, Settings()).run_if_due(lambda: True)
    assert is_due(watching)
    assert watched(watching)[0].problem.endswith("is a worker running?")
    assert BucketWatch(watching, Settings()).run_if_due()
    assert not is_due(watching)


def test_an_erased_image_does_not_come_back_and_is_not_named(watching: ProjectFolder, s3: S3Server):
    with watching.database.write() as session:
        session.execute(
            update(Image).where(Image.name.like("0001~%")).values(name="an.png", original_path="an.png")
        )
    s3.client().delete_object(Bucket=BUCKET, Key="photos/0001.png")
    assert "is gone, so its image has lost its file: an.png" in list_again(watching).problem
    erase(watching, "an.png", *[name for name in names_of(watching) if name.startswith("0000~")])
    assert "an.png" not in watched(watching)[0].problem
    for _ in range(2):
        shutil.rmtree(watching.cache / "watched")
        assert list_again(watching).problem == ""
        assert len(names_of(watching)) == 3


def test_what_was_seen_counts_for_no_other_database(watching: ProjectFolder):
    """The database may be that of a backup, which has another image under the number of the newest one."""
    objects = [one for one in Bucket(WATCHED).find() if one.name.endswith("png")]
    assert SeenObjects(watching, WATCHED).rest_of(objects, ImageReport()) == []
    with watching.database.write() as session:
        newest = select(func.max(Image.id)).scalar_subquery()
        session.execute(update(Image).where(Image.id == newest).values(sha256="0" * 64))
    assert SeenObjects(watching, WATCHED).rest_of(objects, ImageReport()) == objects


def test_only_addresses_are_watched_until_a_command_ends_it(watching: ProjectFolder, tmp_path: Path):
    draw_plain_images(tmp_path / "folder", 1)
    told = call("import", tmp_path / "folder", "--watch", "15m", "--project", watching.path)
    told.assert_refused(2, "--watch needs addresses")
    call("import", f"{WATCHED}/", "--watch", "off", "--project", watching.path).assert_done()
    assert watched(watching) == []
    call("import", WATCHED, "--watch", "off", "--project", watching.path).assert_refused(2, "not watched")
    assert len(names_of(watching)) == 5


def test_an_address_without_images_can_be_watched(stored: ProjectFolder, s3: S3Server):
    url = f"s3://{BUCKET}/to-come"
    call("import", url, "--project", stored.path).assert_refused(2, "no image")
    call("import", url, "--watch", "1d", "--project", stored.path).assert_done()
    assert "0 images there" in list_again(stored).text
