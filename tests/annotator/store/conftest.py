"""A real S3 server that answers over HTTP, and a project whose images are in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.images import draw_plain_images, import_images
from tests.support.storage.s3 import BUCKET, URL, WATCHED, S3Server, free_port


@pytest.fixture(scope="package")
def running() -> Iterator[S3Server]:
    server = S3Server(free_port())
    server.start()
    server.client().create_bucket(Bucket=BUCKET)
    yield server
    server.stop()


@pytest.fixture
def s3(running: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, empty, with its address and credentials in the environment."""
    _set(running, monkeypatch)
    for key in running.keys(""):
        running.client().delete_object(Bucket=BUCKET, Key=key)
    return running


Made = tuple[Path, dict[str, bytes]]
"""A folder with a project, and the objects of the bucket."""


@pytest.fixture(scope="package")
def _made(running: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A project with three images in S3."""
    folder = tmp_path_factory.mktemp("s3")
    draw_plain_images(folder / "source", 3)
    with pytest.MonkeyPatch.context() as environment:
        _set(running, environment)
        call("init", "--project", folder / "project", "--store", URL).assert_done()
        made = ProjectFolder.open(folder / "project")
        import_images(made, [folder / "source"])
        made.database.checkpoint()
        made.database.close()
    return folder, _objects(running)


@pytest.fixture(scope="package")
def _watching(running: S3Server, _made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same, which has imported two images of a bucket and watches it."""
    folder = tmp_path_factory.mktemp("watching")
    with pytest.MonkeyPatch.context() as environment:
        _set(running, environment)
        made = _copied(_made, running, folder)
        told = call("import", _put_photos(running, folder), "--watch", "15m", "--project", made.path)
        told.assert_done()
        assert "every 15 minutes" in told.out
        made.database.checkpoint()
        made.database.close()
    return folder, _objects(running)


@pytest.fixture
def stored(_made: Made, s3: S3Server, tmp_path: Path) -> Iterator[ProjectFolder]:
    """A project with three images in S3; each test has a fresh copy of the folder and of the objects."""
    made = _copied(_made, s3, tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def watching(_watching: Made, s3: S3Server, tmp_path: Path) -> Iterator[ProjectFolder]:
    """A project with three images in S3 and two of a bucket, which it watches."""
    made = _copied(_watching, s3, tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def photos(s3: S3Server, tmp_path: Path) -> str:
    """The address of two images that lie in the bucket already, beside a file that is none."""
    return _put_photos(s3, tmp_path)


def _set(server: S3Server, environment: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        environment.setenv(name, value)


def _objects(server: S3Server) -> dict[str, bytes]:
    client = server.client()
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in server.keys("")}


def _copied(made: Made, server: S3Server, place: Path) -> ProjectFolder:
    """Copy a project, and put its objects into the bucket, which is empty."""
    folder, objects = made
    client = server.client()
    for key in server.keys(""):
        client.delete_object(Bucket=BUCKET, Key=key)
    for key, content in objects.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
    shutil.copytree(folder, place, dirs_exist_ok=True)
    return ProjectFolder.open(place / "project")


def _put_photos(server: S3Server, folder: Path) -> str:
    draw_plain_images(folder / "there", 2)
    client = server.client()
    for file in sorted((folder / "there").iterdir()):
        client.put_object(Bucket=BUCKET, Key=f"photos/{file.name}", Body=file.read_bytes() + b" ")
    client.put_object(Bucket=BUCKET, Key="photos/notes.txt", Body=b"no image")
    return WATCHED
