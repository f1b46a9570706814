"""A project that an earlier version made opens, exports the same bytes, and can be labelled and trained further.

tests/fixtures/make_old_project.py made it and says what is in it. These tests use commands and the HTTP API, as a user
does, so that they hold wherever the modules are.
"""

import csv
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commands import Finished, call, run
from tests.support.paths import CHECKOUT
from tests.support.serving import Client, Server

OLD = CHECKOUT / "tests" / "fixtures" / "old_project"
RECORD = json.loads((OLD / "record.json").read_text())
EXPORTED = ("labels.csv", "attributes.csv", "images.csv", "annotations.csv")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The project as the earlier version left it."""
    with tarfile.open(OLD / "project.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "old"


@pytest.fixture
def ada(old: Path) -> Iterator[Client]:
    """A labeller of the old project, with the token that the earlier version gave out."""
    with Server(old) as server:
        client = server.client()
        client.session.headers["Authorization"] = f"Bearer {RECORD['token']}"
        yield client


def done(*arguments: object) -> Finished:
    finished = call(*arguments)
    finished.assert_done()
    return finished


def exported(project: Path, name: str) -> Path:
    """A new snapshot of the project, with the history."""
    folder = project.parent / name
    done("export", "--history", "--to", folder, "-p", project)
    return folder


def rows(file: Path) -> dict[str, dict[str, str]]:
    with file.open(newline="") as lines:
        return {row["image_name"]: row for row in csv.DictReader(lines)}


def snapshot(project: Path) -> Path:
    """The snapshot that the earlier version wrote into the project."""
    [folder] = (project / "snapshots").iterdir()
    return folder


def test_it_is_brought_to_the_newest_revision(old: Path):
    done("status", "-p", old)
    newest = max(file.name[:4] for file in (CHECKOUT / "alembic" / "versions").glob("[0-9]*.py"))
    with closing(sqlite3.connect(old / "facelabel.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest,)]


def test_it_exports_the_bytes_that_the_earlier_version_exported(old: Path):
    folder = exported(old, "now")
    for name in EXPORTED:
        assert (folder / name).read_bytes() == (OLD / name).read_bytes(), name


def test_its_snapshot_is_whole_and_compared_with_a_new_one(old: Path):
    done("verify", snapshot(old))
    diff = json.loads(done("diff", snapshot(old), exported(old, "now"), "--json").out)
    assert diff["changed_cells"] > 0
    assert [diff["images"][what]["count"] for what in ("added", "removed", "replaced")] == [0, 0, 0]
    copied = old.parent / "changed"
    copied.mkdir()
    for file in snapshot(old).iterdir():
        content = file.read_bytes()
        (copied / file.name).write_bytes(
            content.replace(b",1", b",0", 1) if file.name == "labels.csv" else content
        )
    call("verify", copied).assert_refused(1, "labels.csv")


def test_the_model_of_its_round_gives_the_metrics_that_were_recorded(old: Path):
    folder = old / "rounds" / "0001"
    recorded = json.loads((folder / "run" / "predictions" / "manifest.json").read_text())["metrics"]
    places = (folder / "run" / "model", folder / "snapshot", "--images", old / "images")
    evaluated = run("trainer", "evaluate", *places, "--json")
    evaluated.assert_done()
    measured = json.loads(evaluated.out)["metrics"]
    assert measured.keys() == recorded.keys()
    for attribute, splits in recorded.items():
        for split, metrics in splits.items():
            assert measured[attribute][split]["support"] == metrics["support"]
            assert measured[attribute][split]["ece"] == pytest.approx(metrics["ece"], abs=0.01)


def test_a_labeller_goes_on_where_the_earlier_version_stopped(old: Path, ada: Client):
    before = ada.get("/progress")
    # One in twenty tasks is the gold image, which is done already.
    labelled = rows(OLD / "labels.csv")
    task = next(task for task in ada.next(2)["tasks"] if not labelled[task["image_name"]]["glasses"])
    number = task["image_id"]
    picture = ada.session.get(ada.url + task["image_url"], timeout=60)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")
    kept = ada.answer(task, {"wrinkles": 1, "glasses": 2, "not_human": 0, "identity": "Alan Turing"})
    assert ada.get("/progress")["done"] == before["done"] + 1
    now = exported(old, "answered")
    row = rows(now / "labels.csv")[task["image_name"]]
    assert (row["wrinkles"], row["glasses"], row["not_human"], row["identity"]) == ("1", "2", "0", "20")
    undone = ada.post("/annotations/undo", {"submission": kept["submission"]}, "undo-new").json()
    assert undone["task"]["image_id"] == number
    assert ada.get("/progress")["done"] == before["done"]
    assert (exported(old, "undone") / "labels.csv").read_bytes() == (OLD / "labels.csv").read_bytes()


def test_an_answer_to_the_earlier_version_is_undone(old: Path, ada: Client):
    before = ada.get("/progress")["done"]
    answer = ada.post("/annotations/undo", {"submission": RECORD["submission"]}, "undo-old")
    answer.raise_for_status()
    name = answer.json()["task"]["image_name"]
    assert rows(OLD / "labels.csv")[name]["glasses"]
    assert rows(exported(old, "undone") / "labels.csv")[name]["glasses"] == ""
    assert ada.get("/progress")["done"] == before - 1


def test_the_queue_comes_with_the_suggestions_of_the_old_round(ada: Client):
    tasks = ada.next(20)["tasks"]
    assert tasks
    assert any(cell["suggestion"] for task in tasks for cell in task["cells"])
    [old_round] = ada.get("/rounds")["rounds"]
    assert (old_round["state"], old_round["in_use"]) == ("done", True)


def test_a_further_round_trains_on_its_labels(old: Path):
    result = json.loads(done("round", "--engine", "probe", "-p", old, "--json").out)
    assert result["state"] == "done"
    status = json.loads(done("status", "-p", old, "--json").out)
    assert [row["state"] for row in status["rounds"]] == ["done", "done"]
    assert status["predictions"]["unknown"] == 0
    assert (exported(old, "now") / "labels.csv").read_bytes() == (OLD / "labels.csv").read_bytes()
