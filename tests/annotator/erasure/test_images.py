"""An image that was erased for good leaves nothing in the project's folder but its hash in a tombstone and a receipt."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file
from sqlalchemy import func, select

from annotator.errors import Conflict, NotFound
from annotator.feature_removal import forget_features
from annotator.files import shard_path
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.models import Flag, Image, Predictions, Round, Tombstone, now
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.erasure.journal import Interruption, begin_erasure, complete_erasures, preview_erasure
from annotator.services.erasure.scope import Request, find_images
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.projects.erasing import ERASED, OTHERS, erase, fill, find_damage, find_traces, traces_of
from tests.support.projects.images import LIMITS, image_of, import_images, names_of
from tests.support.projects.labelling import labels_of
from trainer.data.snapshot import Snapshot
from trainer.probe.feature_store import FeatureStore


@pytest.fixture
def traced(filled: ProjectFolder) -> ProjectFolder:
    fill(filled)
    return filled


def test_no_byte_of_an_erased_image_is_left_in_any_file(traced: ProjectFolder):
    traces = traces_of(traced)
    assert len(find_traces(traced, traces)) > 20
    receipt = erase(traced, ERASED)
    assert find_traces(traced, traces) == []
    assert find_damage(traced) == []
    assert receipt["images"] == [traces.sha256]
    assert receipt["erased_by"] == "Ada"
    assert receipt["removed_rows"] == {
        "annotations": 7, "faces": 1, "flags": 1, "group_decisions": 1, "image_aliases": 1, "images": 1, "labels": 7,
        "submissions": 1,
    }  # fmt: skip
    assert (
        receipt["removed_files"]["rows of predictions"]
        == receipt["removed_files"]["rows of rounds' snapshots"]
        == 1
    )
    assert receipt["copies"] == []


def test_the_other_images_keep_their_answers_suggestions_and_features(traced: ProjectFolder):
    others = [name for name in names_of(traced) if name != ERASED]
    labels = labels_of(traced, image_of(traced, OTHERS[0]))
    folder = traced.round_folder(1)
    before = PredictionsFile(folder / "run" / "predictions")
    order = [name for name in before.order(0, 100) if name != ERASED]
    erase(traced, ERASED)
    assert names_of(traced) == others
    assert labels_of(traced, image_of(traced, OTHERS[0])) == labels
    after = PredictionsFile(folder / "run" / "predictions")
    after.verify()
    assert after.order(0, 100) == order
    assert list(after.all_names()) == others
    assert (
        verify_snapshot(folder / "snapshot")["counts"]["images"]
        == len(Snapshot.open(folder / "snapshot"))
        == 39
    )
    assert OTHERS[0] in (folder / "run" / "label_errors.csv").read_text()
    for store in ("test-head", "test-whole"):
        records = FeatureStore.existing(traced.cache / store).records()
        assert len(records) == 39
        assert (load_file(traced.cache / store / "points.safetensors")["points"] == records).all()
    with traced.database.read() as session:
        row = session.scalars(select(Predictions)).one()
        assert (row.rows, row.content_hash) == (39, after.manifest["manifest_hash"])
        assert session.scalars(select(Flag.note)).all() == ["the same person as in [erased]"]
        hashes = set(session.scalars(select(Image.sha256)))
    assert all(
        shard_path(root, sha256, "jpg").is_file()
        for root in (traced.stores.images.local_root, traced.stores.views.local_root)
        for sha256 in hashes
    )


def test_snapshots_and_exports_that_hold_it_are_listed_and_deleted_only_when_asked(traced: ProjectFolder):
    first, _ = export_snapshot(traced, None, SnapshotOptions(images="copy"))
    with traced.database.read() as session:
        request = Request("images", images=find_images(session, [ERASED]))
    [copy] = preview_erasure(traced, request)["copies"]
    assert copy == {
        "kind": "snapshot", "path": f"snapshots/{first.name}", "certain": True, "command": f"rm -r -- {first.resolve()}",
    }  # fmt: skip
    traces = traces_of(traced)
    assert erase(traced, ERASED)["copies"] == [copy]
    assert verify_snapshot(first)["counts"]["images"] == 40
    assert {place.split("/")[0] for place in find_traces(traced, traces, windows=False)} == {"snapshots"}
    second, _ = export_snapshot(traced, None, SnapshotOptions())
    receipt = erase(traced, OTHERS[0], copies=True)
    assert sorted(receipt["removed_copies"]) == sorted(
        f"snapshots/{folder.name}" for folder in (first, second)
    )
    assert receipt["copies"] == []
    assert find_traces(traced, traces) == []


def test_an_import_brings_an_erased_image_back_only_when_asked_and_never_under_its_old_number(
    traced: ProjectFolder, faces: Path
):
    traces, number = traces_of(traced), image_of(traced, ERASED)
    with traced.database.read() as session:
        newest = session.scalar(select(func.max(Image.id)))
    last = names_of(traced)[-1]
    erase(traced, ERASED, last)
    report = import_images(traced, [faces])
    assert (report.imported, report.already) == (0, 38)
    assert report.ignored["files of erased images"] == 2
    assert find_traces(traced, traces) == []
    report = import_images(traced, [faces], LIMITS, restore=True)
    assert report.imported == 2
    assert image_of(traced, ERASED) > newest > number
    with traced.database.read() as session:
        assert session.scalars(select(Tombstone)).all() == []


def test_a_repeated_request_erases_once_and_an_unknown_image_changes_nothing(traced: ProjectFolder):
    request = Request("images", images=(image_of(traced, ERASED),))
    first = begin_erasure(traced, "Ada", "key", request)
    assert begin_erasure(traced, "Ada", "key", request).id == first.id
    with pytest.raises(Conflict):
        begin_erasure(traced, "Ada", "key", Request("images", images=(image_of(traced, OTHERS[0]),)))
    with pytest.raises(NotFound):
        begin_erasure(traced, "Ada", "another", Request("images", images=(image_of(traced, OTHERS[0]), 9999)))
    assert len(names_of(traced)) == 39


def test_near_duplicates_of_an_erased_image_stay_together(doubled: ProjectFolder):
    names = names_of(doubled)
    shown, copies = names[0], [f"copy-{names[0]}"]
    with doubled.database.write() as session:
        first = image_of(doubled, shown)
        for name in (*copies, names[1]):
            session.scalars(select(Image).where(Image.name == name)).one().twin_of = first
    erase(doubled, shown)
    with doubled.database.read() as session:
        rows = session.execute(select(Image.id, Image.twin_of).where(Image.name.in_([*copies, names[1]])))
        originals = dict(rows.all())
    [head] = [number for number, original in originals.items() if original is None]
    assert sorted(originals.values(), key=str) == sorted([None, head], key=str)
    assert find_damage(doubled) == []


def test_a_photo_goes_with_the_last_image_that_was_cut_from_it(traced: ProjectFolder):
    photo = "ab" * 32
    with traced.database.write() as session:
        for name in (ERASED, OTHERS[0]):
            session.scalars(select(Image).where(Image.name == name)).one().photo_sha256 = photo
    file = shard_path(traced.stores.photos.local_root, photo, "png")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"the photo")
    first = erase(traced, ERASED)
    assert (first["photos"], first["shared_photos"]) == ([], [photo])
    assert file.is_file()
    second = erase(traced, OTHERS[0])
    assert (second["photos"], second["shared_photos"]) == ([photo], [])
    assert not file.exists()
    with traced.database.read() as session:
        assert len(session.scalars(select(Tombstone)).all()) == 3


def test_an_unfinished_round_that_holds_it_starts_anew(traced: ProjectFolder):
    folder = traced.round_folder(1)
    with traced.database.write() as session:
        session.get_one(Round, 1).state = "running"
        session.add(Round(
            state="queued", engine="probe", strategy="margin", stage="queued", done=0, total=0, message="", attempts=0,
            created_at=now(),
        ))  # fmt: skip
    assert not Interruption(traced, lambda: False)()
    with traced.database.read() as session:
        request = Request("images", images=find_images(session, [ERASED]))
    assert preview_erasure(traced, request)["rounds_that_start_anew"] == 2
    begin_erasure(traced, "Ada", "key", request)
    assert Interruption(traced, lambda: False)()
    with claimed(traced, "train") as held:  # the round runs
        assert held
        assert not complete_erasures(traced, forget_features)
    assert folder.exists()
    assert complete_erasures(traced, forget_features)
    assert not folder.exists()
    assert not Interruption(traced, lambda: False)()
