"""A project whose images are in S3: a real server, real HTTP."""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image as Picture

from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import FacelabelError, WrongUse
from annotator.files import shard_path
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.store.bucket import StoreUnreachable
from annotator.store.remote import RemoteStores
from tests.support.commands import call
from tests.support.projects.erasing import erase
from tests.support.projects.images import hashes_of, import_images, names_of
from tests.support.storage.s3 import BUCKET, SECRET, URL, S3Server
from tests.support.waiting import wait_until


def is_shown(client: FlaskClient, sha256: str) -> bool:
    with client.get(f"/media/{sha256}.jpg") as answer:
        return answer.status_code == 200


def test_originals_and_views_are_objects_and_the_folder_has_none(stored: ProjectFolder, s3: S3Server):
    for kind, end in (("images", "png"), ("views", "jpg")):
        expected = {f"team/one/{kind}/{sha256[:2]}/{sha256}.{end}" for sha256 in hashes_of(stored)}
        assert set(s3.keys(f"team/one/{kind}/")) == expected
    assert not [name for name in ("images", "views", "photos") if (stored.path / name).exists()]
    assert not [path for path in (stored.cache / "store" / "staging").rglob("*") if path.is_file()]
    for key in s3.keys("team/one/"):
        grants = s3.client().get_object_acl(Bucket=BUCKET, Key=key)["Grants"]
        assert all("URI" not in grant["Grantee"] for grant in grants), "the object is public"


def test_the_page_and_exports_show_them_without_a_copy_here(stored: ProjectFolder, tmp_path: Path):
    shutil.rmtree(stored.cache)
    client = create_app(stored, Settings()).test_client()
    for sha256 in hashes_of(stored):
        with client.get(f"/media/{sha256}.jpg") as answer:
            assert answer.status_code == 200
            assert Picture.open(BytesIO(answer.data)).size == (16, 16)
    assert client.get(f"/media/{'0' * 64}.jpg").status_code == 404
    call("export", "--project", stored.path, "--to", tmp_path / "s", "--images", "link").assert_done()
    copies = {path.stem: path for path in (tmp_path / "s" / "images").rglob("*.png")}
    assert set(copies) == set(hashes_of(stored))
    shutil.rmtree(stored.cache)  # the snapshot does not depend on the copies here
    call("verify", tmp_path / "s").assert_done()


def test_a_server_that_is_down_is_told_truly_and_nothing_is_lost(
    stored: ProjectFolder, s3: S3Server, tmp_path: Path
):
    [sha256, *_] = hashes_of(stored)
    shutil.rmtree(stored.cache)
    client = create_app(stored, Settings()).test_client()
    Picture.new("RGB", (16, 16), "red").save(tmp_path / "new.png")
    s3.stop()
    try:
        answer = client.get(f"/media/{sha256}.jpg")
        assert answer.status_code == 503
        assert URL in answer.get_data(as_text=True)
        assert SECRET not in answer.get_data(as_text=True)
        with pytest.raises(StoreUnreachable):
            import_images(stored, [tmp_path / "new.png"])
        assert len(names_of(stored)) == 3
        told = call("doctor", "--project", stored.path)
        assert URL in told.out + told.err
        assert "restore" not in told.out + told.err
    finally:
        s3.start()
    wait_until(lambda: is_shown(client, sha256), "the page shows images again")
    import_images(stored, [tmp_path / "new.png"])
    assert len(names_of(stored)) == 4


def test_doctor_finds_a_missing_object_and_one_with_other_bytes(stored: ProjectFolder, s3: S3Server):
    assert call("doctor", "--deep", "--project", stored.path).code == 0
    first, second, _ = hashes_of(stored)
    s3.client().delete_object(Bucket=BUCKET, Key=f"team/one/views/{first[:2]}/{first}.jpg")
    s3.client().put_object(Bucket=BUCKET, Key=f"team/one/images/{second[:2]}/{second}.png", Body=b"other")
    told = call("doctor", "--deep", "--project", stored.path)
    assert told.code == 1
    assert "without its file or its view: 0000.png" in told.out + told.err
    assert "with other bytes than at the import: 0001.png" in told.out + told.err
    shutil.rmtree(stored.cache)
    with stored.stores.images.local_path(second, "png") as path:
        assert not path.exists(), "other bytes are never shown as this image"


def test_importing_again_repairs_a_lost_object(stored: ProjectFolder, s3: S3Server, tmp_path: Path):
    [first, *_] = hashes_of(stored)
    key = f"team/one/images/{first[:2]}/{first}.png"
    s3.client().delete_object(Bucket=BUCKET, Key=key)
    import_images(stored, [tmp_path / "source"])
    assert s3.keys(key) == [key]
    assert len(names_of(stored)) == 3


def test_an_erasure_removes_the_objects_and_the_copies(stored: ProjectFolder, s3: S3Server):
    [first, *_] = hashes_of(stored)
    assert [key for key in s3.keys("team/one/") if first in key]
    erase(stored, "0000.png")
    assert not [key for key in s3.keys("team/one/") if first in key]
    assert not [path for path in stored.path.rglob("*") if first in path.name]
    assert len(s3.keys("team/one/images/")) == 2


def test_a_backup_says_that_it_holds_no_images(stored: ProjectFolder, tmp_path: Path):
    told = call("backup", tmp_path / "backups", "--project", stored.path)
    told.assert_done()
    assert URL in told.err
    [manifest] = (tmp_path / "backups").glob("*/manifest.json")
    assert json.loads(manifest.read_bytes())["images_in"] == URL
    assert json.loads(manifest.read_bytes())["missing"]["count"] == 0
    call("restore", tmp_path / "backups", tmp_path / "restored").assert_done()
    restored = ProjectFolder.open(tmp_path / "restored")
    [sha256, *_] = hashes_of(restored)
    with restored.stores.views.local_path(sha256, "jpg") as path:
        assert path.is_file()
    restored.database.close()


def test_no_credential_is_written_anywhere(stored: ProjectFolder):
    for path in stored.path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_two_projects_never_share_an_address(stored: ProjectFolder, tmp_path: Path):
    call("init", "--project", tmp_path / "other", "--store", URL).assert_refused(2, "another project")
    assert not (tmp_path / "other" / "facelabel.db").exists()


def test_a_setting_that_names_another_place_is_refused(
    stored: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    init_project(tmp_path / "plain").database.close()
    monkeypatch.setenv("FACELABEL_STORE", f"{URL}/")
    ProjectFolder.open(stored.path).database.close()
    with pytest.raises(WrongUse, match="its folder"):
        ProjectFolder.open(tmp_path / "plain")


@pytest.mark.parametrize(
    "url", ["s3://name:word@faces/one", "file:///etc", "http://host/a", "s3://faces/../x", "faces", "s3://"]
)
def test_other_addresses_are_refused_without_repeating_them(url: str, tmp_path: Path):
    told = call("init", "--project", tmp_path / "project", "--store", url)
    told.assert_refused(2, "address of objects")
    assert "word" not in told.err.replace("password", "")
    assert not (tmp_path / "project").exists()


def test_a_bucket_that_is_not_there_is_told(s3: S3Server, tmp_path: Path):
    with pytest.raises(FacelabelError, match="the bucket does not exist"):
        init_project(tmp_path / "project", store="s3://not-there/x")
    assert not (tmp_path / "project").exists()


def test_features_are_computed_from_objects(stored: ProjectFolder):
    from annotator.imaging.trainer_files import let_trainer_fetch
    from trainer.pixels.files import fetch_missing, read_image_file

    shutil.rmtree(stored.cache)
    assert isinstance(stored.stores, RemoteStores)
    [sha256, *_] = hashes_of(stored)
    path = shard_path(stored.stores.images.local_root, sha256, "png")
    try:
        let_trainer_fetch(stored.stores)
        assert Picture.open(BytesIO(read_image_file(path))).size == (16, 16)
        with pytest.raises(FileNotFoundError):
            read_image_file(path.with_name(f"{'0' * 64}.png"))
    finally:
        fetch_missing(None)


def test_images_of_a_bucket_are_imported_without_a_copy(
    stored: ProjectFolder, photos: str, s3: S3Server, tmp_path: Path
):
    before = s3.keys("team/one/images/")
    told = call("import", photos, "--project", stored.path)
    told.assert_done()
    assert "2 images imported" in told.out
    assert s3.keys("team/one/images/") == before
    assert len(s3.keys("team/one/links/")) == 2
    assert "0 images imported, 2 were here" in call("import", photos, "--project", stored.path).out
    shutil.rmtree(stored.cache)
    call("export", "--project", stored.path, "--to", tmp_path / "s", "--images", "copy").assert_done()
    call("verify", tmp_path / "s").assert_done()
    assert call("doctor", "--deep", "--project", stored.path).code == 0


def test_a_linked_object_that_changed_is_told_and_never_shown_as_the_image(
    stored: ProjectFolder, photos: str, s3: S3Server, tmp_path: Path
):
    call("import", photos, "--project", stored.path).assert_done()
    shutil.rmtree(stored.cache)
    [first, second] = [key for key in s3.keys("photos/") if key.endswith(".png")]
    s3.client().copy_object(Bucket=BUCKET, Key=first, CopySource={"Bucket": BUCKET, "Key": second})
    again = call("import", photos, "--project", stored.path)
    assert "has other bytes than at its import" in again.err
    assert len(names_of(stored)) == 5
    s3.client().delete_object(Bucket=BUCKET, Key=second)
    told = call("doctor", "--deep", "--project", stored.path)
    assert told.code == 1
    assert "2 images with other bytes than at the import" in told.out + told.err
    refused = call("export", "--project", stored.path, "--to", tmp_path / "s", "--images", "copy")
    assert refused.code == 1
    assert not (tmp_path / "s").exists()


def test_an_erasure_leaves_the_object_that_a_link_names(stored: ProjectFolder, photos: str, s3: S3Server):
    call("import", photos, "--project", stored.path).assert_done()
    name = next(name for name in names_of(stored) if "~" in name)
    erase(stored, name)
    assert len(s3.keys("team/one/links/")) == 1
    assert len(s3.keys("photos/")) == 3


def test_a_project_in_a_folder_imports_no_address(project: ProjectFolder):
    told = call("import", f"s3://{BUCKET}/photos", "--project", project.path)
    told.assert_refused(2, "--store")
