"""The disk is full during an upload or an import: the user is told, no partial file is left, and the work continues later."""

import hashlib
import io
import os
import random
import secrets
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from annotator.config import Settings
from annotator.errors import NoRoom
from annotator.models import Image, Import
from annotator.project import ProjectFolder
from annotator.services.importing.jobs import ImportRequest, begin_import, get_import, start_import
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import receive_piece
from annotator.services.projects import init_project
from tests.support.serving import Server

BYTES = {"Content-Type": "application/octet-stream"}


def fill(disk: Path, free: int) -> None:
    """Leave so many bytes free, give or take a page."""
    (disk / "filler").unlink(missing_ok=True)
    room = shutil.disk_usage(disk).free - free
    if room > 0:
        with (disk / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room)


def empty(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


def test_an_upload_reports_a_full_disk_and_resumes_when_there_is_space(small_disk: Path):
    project = init_project(small_disk / "project")
    project.database.close()
    content, piece = random.Random(0).randbytes(3 * 2**20), 2**20
    with Server(project.path, FACELABEL_RESERVE_BYTES="0") as server:  # the disk fills up to its last byte
        place = f"{server.url}/api/v1/imports"
        head = BYTES | {"Idempotency-Key": secrets.token_hex(8)}
        query = {"name": "a.bin", "bytes": len(content)}

        def begin() -> requests.Response:
            return requests.post(place, content[:piece], params=query, headers=head, timeout=60)

        fill(small_disk, 2 * piece)
        refused = begin()
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "no_room")
        assert server.client().get("/imports")["imports"] == []
        empty(small_disk)
        number = begin().json()["id"]
        for free in (piece // 2, 0):
            fill(small_disk, free)
            refused = requests.post(f"{place}/{number}/content?offset={piece}", content[piece:], headers=BYTES, timeout=60)  # fmt: skip
            assert (refused.status_code, refused.json()["error"]["code"]) == (507, "no_room")
            file = project.path / "uploads" / "upload-000001" / "a.bin"
            assert file.read_bytes() == content[:piece]
        fill(small_disk, 2 * piece + 200_000)  # enough for what has still to come
        assert begin().json()["received"] == piece
        last = requests.post(f"{place}/{number}/content?offset={piece}", content[piece:], headers=BYTES, timeout=60)  # fmt: skip
        assert (last.status_code, last.json()["state"]) == (200, "queued")
        assert file.read_bytes() == content


def zipped(faces: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(faces.glob("*.jpg")):
            archive.write(path, path.name)
    return file.getvalue()


def names(project: ProjectFolder) -> set[tuple[str, str]]:
    with project.database.read() as session:
        return {(name, sha256) for name, sha256 in session.execute(select(Image.name, Image.sha256))}


def state(project: ProjectFolder) -> Import:
    with project.database.read() as session:
        return get_import(session, 1)


@pytest.mark.timeout(1800)
def test_an_import_of_an_upload_reports_a_full_disk_and_resumes_when_there_is_space(
    small_disk: Path, faces: Path, soak: bool
):
    chance, content = random.Random(1), zipped(faces)
    expected = {(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in faces.glob("*.jpg")}
    stopped = 0
    for trial in range(50 if soak else 4):
        project = init_project(small_disk / f"project-{trial}")
        with project.database.write() as session:
            begin_import(session, "key", 1, "faces.zip", len(content), dry_run=False)
        receive_piece(project, 1, 0, content)
        fill(small_disk, chance.randrange(0, 2 * len(content)) if trial else 0)
        with suppress(NoRoom):
            run_next_import(project, Settings(), lambda: False)
        first = state(project)
        if first.state != "done":
            stopped += 1
            assert first.state in {"queued", "running", "failed"}
            if first.state == "failed":
                assert first.error is not None
                assert "Make room" in first.error
                assert str(project.uploads) not in first.error
            assert (project.uploads / "upload-000001" / "faces.zip").read_bytes() == content
            assert names(project) <= expected
            for path in project.images.glob("*/*.jpg"):
                if not path.name.startswith("."):
                    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        empty(small_disk)
        if first.state == "failed":
            with project.database.write() as session:
                start_import(session, 1, ImportRequest(), dry_run=False)
        assert run_next_import(project, Settings(), lambda: False) == (first.state != "done")
        assert (state(project).state, names(project)) == ("done", expected)
        assert not list(project.path.rglob("*.tmp")) + list(project.path.glob(".import-*"))
        project.database.close()
        shutil.rmtree(project.path)
    assert stopped > trial / 3, "too few imports met a full disk"
