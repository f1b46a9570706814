"""Snapshots inside a project have titles and notes, and are deleted unless a model in use learned from them."""

import json

import pytest

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshot_records import delete_snapshot, describe_snapshot
from annotator.services.exporting.snapshots import export_snapshot, list_snapshots
from annotator.services.rounds.loading import load_predictions
from tests.support.commands import call
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import names_of
from tests.support.serving import Server


def take(project: ProjectFolder, **text: str) -> str:
    return export_snapshot(project, None, SnapshotOptions(card=False), **text)[0].name


def listed(project: ProjectFolder) -> list[tuple[str, str, str]]:
    with project.database.read() as session:
        return [(row.name, row.title, row.note) for row in list_snapshots(session)]


def test_a_snapshot_is_described_without_a_change_of_its_files(filled: ProjectFolder):
    name = take(filled, title=" first ")
    assert listed(filled) == [(name, "first", "")]
    with filled.database.write() as session:
        describe_snapshot(session, name, note="before the second team")
    assert listed(filled) == [(name, "first", "before the second team")]
    call("verify", filled.snapshots / name).assert_done()
    for other, title, error in ((name, "x" * 201, FacelabelError), ("none", "x", NotFound)):
        with pytest.raises(error), filled.database.write() as session:
            describe_snapshot(session, other, title=title)


def test_a_deleted_snapshot_leaves_nothing_and_a_killed_deletion_is_done_again(filled: ProjectFolder):
    name, other = take(filled), take(filled)
    (filled.snapshots / name).rename(filled.snapshots / f".{name}.unfinished")  # as a kill leaves it
    delete_snapshot(filled, name)
    assert [row[0] for row in listed(filled)] == [other]
    assert [path.name for path in filled.snapshots.iterdir()] == [other]
    for gone in (name, "../images"):
        with pytest.raises(NotFound):
            delete_snapshot(filled, gone)


def test_a_snapshot_is_kept_while_a_model_in_use_learned_from_it(filled: ProjectFolder):
    name = take(filled)
    with filled.database.read() as session:
        [row] = list_snapshots(session)
    folder = write_predictions(
        filled, filled.rounds / "1", dict.fromkeys(names_of(filled), SURE), snapshot=row.content_hash
    )
    load_predictions(filled, folder)
    with pytest.raises(Conflict, match="in use"):
        delete_snapshot(filled, name)
    assert (filled.snapshots / name / "manifest.json").is_file()
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "2", dict.fromkeys(names_of(filled), SURE))
    )
    delete_snapshot(filled, name)
    assert listed(filled) == []


def test_the_api_and_the_command_describe_and_delete(filled: ProjectFolder):
    with Server(filled.path) as server:
        client = server.client()
        made = client.post("/snapshots", {"title": "one"}).json()
        assert (made["title"], made["note"]) == ("one", "")
        described = client.post(f"/snapshots/{made['name']}", {"note": "two"}).json()
        assert (described["title"], described["note"]) == ("one", "two")
        [row] = json.loads(call("snapshots", "list", "-p", filled.path, "--json").out)
        assert row["note"] == "two"
        assert client.post(f"/snapshots/{made['name']}/delete", {}).status_code == 204
        assert client.post(f"/snapshots/{made['name']}/delete", {}).status_code == 404
    name = take(filled)
    call("snapshots", "note", name, "--title", "x", "-p", filled.path).assert_done()
    call("snapshots", "delete", name, "-p", filled.path).assert_done()
    assert listed(filled) == []
