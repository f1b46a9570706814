"""Files sent to the server in pieces: previewed, confirmed, and imported by the worker."""

import io
import secrets
import shutil
import signal
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image as Picture
from sqlalchemy import func, select

from annotator.config import Settings
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.jobs import begin_import, get_import
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import PIECE_BYTES, receive_piece
from annotator.services.projects import init_project
from tests.support.commands import files
from tests.support.serving import Server
from tests.support.waiting import wait_until

BYTES = {"Content-Type": "application/octet-stream"}


def zipped(folder: Path, names: list[str], **more: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.write(folder / name, name)
        for name, text in more.items():
            archive.writestr(f"{name}.csv", text)
    return file.getvalue()


def send(
    server: Server, name: str, content: bytes, key: str | None = None, **query: Any
) -> requests.Response:
    """Upload a file in as many pieces as it needs."""
    place, headers = f"{server.url}/api/v1/imports", BYTES | {"Idempotency-Key": key or secrets.token_hex(8)}
    query = {"name": name, "bytes": len(content)} | query
    answer = requests.post(place, content[:PIECE_BYTES], params=query, headers=headers, timeout=60)
    for offset in range(PIECE_BYTES, len(content), PIECE_BYTES):
        piece = content[offset : offset + PIECE_BYTES]
        place = f"{server.url}/api/v1/imports/{answer.json()['id']}/content?offset={offset}"
        answer = requests.post(place, piece, headers=BYTES, timeout=60)
    return answer


def ended(server: Server, number: int) -> dict[str, Any]:
    """The import after it has ended."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(server.client().get(f"/imports/{number}"))
        return found["state"] in {"done", "failed"}

    wait_until(is_over, f"import {number} is over")
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = init_project(tmp_path_factory.mktemp("uploads") / "project")
    project.database.close()
    with Server(project.path, FACELABEL_WORKER="1") as running:
        yield running


def test_an_archive_is_tried_mapped_and_imported(served: Server, faces: Path):
    names = [f"{number:04d}.jpg" for number in range(1, 5)]
    labels = "image,eyewear\n0001.jpg,sunglasses\n0002.jpg,none\n"
    images = ended(served, send(served, "four.zip", zipped(faces, names), dry_run=1).json()["id"])
    assert (images["state"], images["dry_run"]) == ("done", True)
    assert images["report"]["images"]["imported"] == 4
    assert served.client().get("/progress")["images"] == 0, "a dry run took something in"
    for _ in range(2):  # the same request again changes nothing
        assert served.client().post(f"/imports/{images['id']}/start", {}).status_code == 202
    assert ended(served, images["id"])["report"]["images"]["imported"] == 4
    assert served.client().get("/progress")["images"] == 4
    wait_until(lambda: not list((served.project / "uploads").iterdir()), "the file is removed")

    number = send(served, "labels.csv", labels.encode(), dry_run=1).json()["id"]
    tried = ended(served, number)
    assert "eyewear" in tried["proposed"]
    assert served.client().post(f"/imports/{number}/start", {"mapping": "no = "}).status_code == 400
    mapping = '[columns.eyewear]\nattribute = "glasses"\n'
    body = {"dry_run": True, "mapping": mapping}
    assert served.client().post(f"/imports/{number}/start", body).status_code == 202
    again = ended(served, number)
    assert again["report"]["labels"]["values"] == {"glasses": {"sunglasses": 1, "none": 1}}
    served.client().post(f"/imports/{number}/start", {"mapping": mapping})
    assert ended(served, number)["report"]["labels"]["added"] == 2
    assert served.client().get("/progress")["attributes"]["glasses"]["labelled"] == 2


def test_a_large_upload_continues_after_a_killed_server(project: ProjectFolder, faces: Path, tmp_path: Path):
    content = zipped(faces, ["0001.jpg"])
    shutil.copy(faces / "0002.jpg", tmp_path)
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("left_aside.bin", secrets.token_bytes(PIECE_BYTES + 1000))
    content, key = file.getvalue(), "the same"
    with Server(project.path, FACELABEL_WORKER="1") as server:
        query = {"name": "large.zip", "bytes": len(content)}
        headers = BYTES | {"Idempotency-Key": key}
        place = f"{server.url}/api/v1/imports"
        first = requests.post(place, content[:PIECE_BYTES], params=query, headers=headers, timeout=60)
        assert (first.status_code, first.json()["state"]) == (201, "receiving")
        number = first.json()["id"]
        server.stop(signal.SIGKILL)
        server.start()
        gap = requests.post(
            f"{place}/{number}/content?offset={PIECE_BYTES + 1}", b"x", headers=BYTES, timeout=60
        )
        assert (gap.status_code, gap.json()["error"]["code"]) == (409, "wrong_offset")
        last = send(server, "large.zip", content, key)
        assert (last.status_code, last.json()["id"]) == (200, number)
        assert ended(server, number)["report"]["images"]["imported"] == 1


def test_an_import_whose_worker_is_killed_is_completed(project: ProjectFolder, faces: Path):
    names = sorted(path.name for path in faces.glob("*.jpg"))
    with Server(project.path, FACELABEL_WORKER="1") as server:
        number = send(server, "faces.zip", zipped(faces, names)).json()["id"]
        server.stop(signal.SIGKILL)
        server.start()
        assert ended(server, number)["state"] == "done"
        assert server.client().get("/progress")["images"] == len(names)
        assert len(server.client().get("/imports")["imports"]) == 1


def test_a_worker_that_must_stop_ends_between_two_members_and_the_next_one_continues(
    project: ProjectFolder, faces: Path
):
    names = [f"{number:04d}.jpg" for number in range(1, 13)]
    content = zipped(faces, names)
    with project.database.write() as session:
        number = begin_import(session, "key", 1, "faces.zip", len(content), dry_run=False).id
    receive_piece(project, number, 0, content)
    unpacked: list[int] = []

    def stopped() -> bool:
        unpacked.append(len(list(project.path.glob(".import-*/unpacked/*/*.jpg"))))
        return unpacked[-1] == 3

    assert run_next_import(project, Settings(), stopped)
    assert unpacked == [0, 1, 2, 3]
    with project.database.read() as session:
        row = get_import(session, number)
        assert (row.state, row.attempts, row.error) == ("queued", 0, None)
        assert session.scalar(select(func.count()).select_from(Image)) == 0
    assert not list(project.path.glob(".import-*"))
    assert run_next_import(project, Settings(), lambda: False)
    with project.database.read() as session:
        assert get_import(session, number).state == "done"
        assert set(session.scalars(select(Image.name))) == set(names)


@pytest.mark.parametrize(
    "name", ["../up.zip", "/etc/x.zip", "a\\b.zip", ".hidden.zip", "a\nb.zip", "ü" * 150]
)
def test_a_name_that_leads_out_of_the_folder_is_refused(served: Server, name: str):
    before = files(served.project.parent)
    answer = send(served, name, b"x")
    assert (answer.status_code, answer.json()["error"]["code"][:3]) == (400, "bad")
    assert {place for place in files(served.project.parent) if "facelabel.db" not in place} == {
        place for place in before if "facelabel.db" not in place
    }


def test_invalid_pieces_of_an_upload_are_refused(served: Server):
    place = f"{served.url}/api/v1/imports?name=a.zip"
    key = {"Idempotency-Key": secrets.token_hex(8)}
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        answer = requests.post(place, b"x", headers=key | {"Content-Type": kind}, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_bytes")
    other = requests.post(place, b"x", headers=BYTES | key | {"Origin": "http://evil.example"}, timeout=60)
    assert other.status_code == 403
    rounds = requests.post(f"{served.url}/api/v1/rounds", b"{}", headers=BYTES, timeout=60)
    assert rounds.json()["error"]["code"] == "not_json"
    much = requests.post(place, bytes(PIECE_BYTES + 1), headers=BYTES | key, timeout=60)
    assert much.status_code == 413
    assert send(served, "large.zip", b"x", bytes=2**50).status_code == 400


def test_a_discarded_file_is_removed_and_cannot_be_started(served: Server):
    number = send(served, "a.zip", b"no archive", dry_run=1).json()["id"]
    assert "cannot be unpacked" in ended(served, number)["error"]
    assert str(served.project) not in ended(served, number)["error"]
    client = served.client()
    assert client.post(f"/imports/{number}/discard", {}).json()["state"] == "discarded"
    assert not (served.project / "uploads" / f"upload-{number:06d}").exists()
    assert client.post(f"/imports/{number}/start", {}).status_code == 409


QUICK = ("slip.zip", "symlink.zip", "labels_nul.csv", "bomb_500MB.zip", "html_as.jpg", "empty.jpg")


@pytest.mark.shared
@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_hostile_files_are_refused_with_a_reason_from_every_user(served: Server, shared: Path, soak: bool):
    sent = 0
    with tarfile.open(shared / "hostile-files.tar") as archive:
        for member in archive:
            name = Path(member.name).name
            held = archive.extractfile(member)
            if held is None or not (soak or name in QUICK):
                continue
            answer = send(served, name, held.read())
            if answer.status_code == 400:
                assert answer.json()["error"]["code"] in {"bad_request", "bad_size", "bad_name"}, answer.text
                continue
            found = ended(served, answer.json()["id"])
            report = found["report"] or {"images": {"refused": {"first": []}}}
            assert "Traceback" not in str(found)
            assert not (found["error"] or "").startswith(("TypeError", "ValueError", "KeyError")), found
            assert found["state"] == "done" or found["error"] or report["images"]["refused"]["first"]
            sent += 1
    assert sent >= len(QUICK) - 1
    assert not Path("/tmp/slip_evil.jpg").exists()
    assert served.client().get("/imports")["imports"], "the server still answers"


def test_an_uploaded_archive_of_another_code_page_can_be_tried_again_with_the_right_one(served: Server):
    """Two code pages may fit a name; the report tells the guess, and the person chooses."""
    name = "Kate\u0159ina 1.png"
    picture, file = io.BytesIO(), io.BytesIO()
    Picture.new("RGB", (40, 30), (3, 4, 5)).save(picture, "PNG")
    raw = name.encode("cp1250")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("_" * len(raw), picture.getvalue())
    packed = file.getvalue().replace(b"_" * len(raw), raw)
    number = send(served, "Screenshots at 9\u202fAM.zip", packed, dry_run=1).json()["id"]
    tried = ended(served, number)
    assert "were read as" in tried["report"]["notes"][0]
    body = {"dry_run": False, "names_encoding": "cp1250"}
    assert served.client().post(f"/imports/{number}/start", body).json()["names_encoding"] == "cp1250"
    report = ended(served, number)["report"]
    assert (report["images"]["imported"], report["notes"]) == (1, [])
    project = ProjectFolder(served.project)
    with project.database.read() as session:
        assert session.scalar(select(Image.name).where(Image.name.like("Kate%"))) == "Kate\u0159ina 1.png"
    project.database.close()
