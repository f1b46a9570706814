"""A backup holds all that makes the project whole, and a restore gives an equal project."""

import tarfile
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select, update

from annotator.errors import FacelabelError, WrongUse
from annotator.files import shard_path
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import BackupPlace, Image, LoginSession, Tombstone, now
from annotator.project import ProjectFolder
from annotator.services.backups.contents import LEFT_OUT, PARTS
from annotator.services.backups.create import back_up, back_up_to_archive
from annotator.services.backups.folder import BackupFolder
from annotator.services.backups.places import due_place, list_places, schedule
from annotator.services.backups.restore import restore, verify_backup
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.commands import call, files
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.projects.erasing import ERASED, erase, fill
from tests.support.serving import Server

HELD = {*PARTS, *LEFT_OUT, "facelabel.db"}


def content_hash(project: ProjectFolder) -> str:
    return export_snapshot(project, None, SnapshotOptions())[1]["content_hash"]


def held_files(project: Path) -> dict[str, str]:
    """The hashes of all files that a backup must hold."""
    return {
        name: sha256
        for name, sha256 in files(project).items()
        if name.split("/")[0] in PARTS and "/incoming" not in name
    }


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_restored_project_has_equal_files_and_an_equal_export(
    labelled: ProjectFolder, tmp_path: Path, kind: str
):
    fill(labelled)
    export_snapshot(labelled, None, SnapshotOptions())
    place = tmp_path / ("backups" if kind == "folder" else "one.tar")
    report = back_up(labelled, place) if kind == "folder" else back_up_to_archive(labelled, place)
    assert report.missing == []
    before, counted = held_files(labelled.path), report.counts
    restored = restore(place, tmp_path / "restored")
    assert restored.counts == counted
    assert held_files(tmp_path / "restored") == before
    copy = ProjectFolder.open(tmp_path / "restored")
    assert not (tmp_path / "restored" / "facelabel.db-wal").exists() or copy.database.find_damage() == []
    assert content_hash(copy) == content_hash(labelled)
    copy.database.close()


def test_a_second_backup_copies_only_what_is_new(filled: ProjectFolder, tmp_path: Path):
    first = back_up(filled, tmp_path / "backups")
    assert first.new_files >= 40
    assert back_up(filled, tmp_path / "backups").new_files == 0
    export_snapshot(filled, None, SnapshotOptions())
    third = back_up(filled, tmp_path / "backups")
    assert third.new_files == len(list((filled.snapshots).glob("*/*")))
    assert len(BackupFolder(tmp_path / "backups").generations()) == 3


def test_old_backups_go_with_the_contents_that_only_they_have(filled: ProjectFolder, tmp_path: Path):
    place = BackupFolder(tmp_path / "backups")
    folder, _ = export_snapshot(filled, None, SnapshotOptions())
    back_up(filled, place.root)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    count = len(list(place.root.glob("files/??/*")))
    report = back_up(filled, place.root, keep=1)
    assert len(report.removed) == 1
    assert [g.name for g in place.generations()] == [report.name]
    assert len(list(place.root.glob("files/??/*"))) < count
    verify_backup(place.root)


def test_every_part_of_a_project_is_held_or_left_out_on_purpose():
    documented = {
        line.split()[0].rstrip("/") for line in (ProjectFolder.__doc__ or "").splitlines()[2:] if line.strip()
    }
    assert documented == HELD


def test_backups_of_two_projects_never_mix(
    filled: ProjectFolder, project_of_others: ProjectFolder, tmp_path: Path
):
    back_up(filled, tmp_path / "backups")
    with pytest.raises(WrongUse, match="another project"):
        back_up(project_of_others, tmp_path / "backups")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(WrongUse, match="is not empty"):
        back_up(filled, tmp_path / "full")


@pytest.fixture
def project_of_others(tmp_path: Path) -> ProjectFolder:
    call("init", "-p", tmp_path / "others").assert_done()
    return ProjectFolder.open(tmp_path / "others")


def test_an_image_that_was_damaged_since_is_whole_in_the_next_backup(filled: ProjectFolder, tmp_path: Path):
    back_up(filled, tmp_path / "backups")
    victim = sorted(filled.stores.images.local_root.glob("*/*.jpg"))[7]
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-3] + b"???")
    back_up(filled, tmp_path / "backups")
    restore(tmp_path / "backups", tmp_path / "restored")
    assert (tmp_path / "restored" / victim.relative_to(filled.path)).read_bytes() == content


def test_missing_and_changed_images_are_told(filled: ProjectFolder, tmp_path: Path):
    gone, changed = sorted(filled.stores.images.local_root.glob("*/*.jpg"))[3:5]
    gone.unlink()
    changed.unlink()
    changed.write_bytes(b"no image")
    told = call("backup", tmp_path / "backups", "-p", filled.path)
    told.assert_done()
    assert "lacks the files of 2 images" in told.err
    assert gone.name in told.err
    assert changed.name in told.err
    manifest = verify_backup(tmp_path / "backups")
    assert manifest["missing"]["count"] == 2


def test_a_damaged_backup_is_refused_and_the_rest_of_it_can_be_had(filled: ProjectFolder, tmp_path: Path):
    back_up(filled, tmp_path / "backups")
    victim = min(filled.stores.images.local_root.glob("*/*.jpg"))
    content = BackupFolder(tmp_path / "backups").content(victim.stem)
    content.write_bytes(b"rotten")
    with pytest.raises(FacelabelError, match="missing or was changed"):
        verify_backup(tmp_path / "backups")
    call("verify", tmp_path / "backups").assert_refused(1, victim.name)
    call("restore", tmp_path / "backups", tmp_path / "restored").assert_refused(
        1, victim.name, "--keep-going"
    )
    assert not (tmp_path / "restored").exists()
    report = restore(tmp_path / "backups", tmp_path / "restored", keep_going=True)
    assert f"images/{victim.parent.name}/{victim.name}" in report.lost
    assert len(list((tmp_path / "restored" / "images").glob("*/*"))) == 39


def test_a_damaged_database_gets_no_backup_and_the_earlier_one_stays(filled: ProjectFolder, tmp_path: Path):
    back_up(filled, tmp_path / "backups")
    filled.database.checkpoint()
    filled.database.close()
    with filled.database_file.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    call("backup", tmp_path / "backups", "-p", filled.path).assert_refused(1)
    assert len(BackupFolder(tmp_path / "backups").generations()) == 1
    restore(tmp_path / "backups", tmp_path / "restored")


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "facelabel-backup/../../outside", "facelabel-backup/bin/sh"]
)
def test_an_archive_of_somebody_else_writes_nowhere(tmp_path: Path, name: str):
    (tmp_path / "content").write_bytes(b"x")
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        archive.add(tmp_path / "content", name)
    call("restore", tmp_path / "evil.tar", tmp_path / "a" / "restored").assert_refused(1, "does not belong")
    assert not (tmp_path / "a" / "restored").exists()
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "a" / "outside").exists()


@pytest.mark.parametrize("cut", [0, 300_000, -600])
def test_an_archive_that_is_cut_off_is_refused(filled: ProjectFolder, tmp_path: Path, cut: int):
    back_up_to_archive(filled, tmp_path / "one.tar")
    (tmp_path / "cut.tar").write_bytes((tmp_path / "one.tar").read_bytes()[:cut])
    refused = call("restore", tmp_path / "cut.tar", tmp_path / "restored")
    if cut != -600:  # what follows the manifest is padding
        assert refused.code in {1, 2}
        assert not (tmp_path / "restored").exists()


def test_a_restore_never_overwrites_and_a_folder_with_a_project_is_refused(
    filled: ProjectFolder, tmp_path: Path
):
    back_up(filled, tmp_path / "backups")
    call("restore", tmp_path / "backups", filled.path).assert_refused(2, "is not empty")
    call("restore", filled.path, tmp_path / "new").assert_refused(2, "no whole backup")


def test_a_schedule_tells_when_a_backup_is_due_and_is_not_restored(filled: ProjectFolder, tmp_path: Path):
    call("backup", tmp_path / "backups", "--every", "1d", "--keep", "2", "-p", filled.path).assert_done()

    def due(**values: object) -> bool:
        with filled.database.write() as session:
            session.execute(update(BackupPlace).values(keep=2, **values))
            return due_place(session) is not None

    day, hour = timedelta(days=1), timedelta(hours=1)
    assert not due()
    assert due(finished_at=now() - day, begun_at=now() - day)
    assert not due(begun_at=now() - hour / 2), "a backup that failed is tried again at once"
    assert due(begun_at=now() - hour)
    assert due(finished_at=now() + 3 * day, begun_at=now() + 3 * day), "a clock that jumped stops all backups"
    call("backup", tmp_path / "backups", "-p", filled.path).assert_done()
    call("backup", tmp_path / "backups", "-p", filled.path).assert_done()
    assert len(BackupFolder(tmp_path / "backups").generations()) == 2, "the schedule's --keep holds for all"
    restore(tmp_path / "backups", tmp_path / "restored")
    copy = ProjectFolder.open(tmp_path / "restored")
    with copy.database.read() as session:
        assert [place.every_seconds for place in list_places(session)] == [None]
    told = call("backup", "-p", filled.path)
    assert "The last backup was made less than a minute ago." in told.out
    call("backup", tmp_path / "backups", "--every", "off", "-p", filled.path).assert_done()
    assert not due(finished_at=None)


def test_an_erasure_names_the_backups_that_hold_the_image(filled: ProjectFolder, tmp_path: Path):
    back_up(filled, tmp_path / "backups")
    back_up_to_archive(filled, tmp_path / "one.tar")
    receipt = erase(filled, ERASED)
    named = [(copy["kind"], copy["certain"]) for copy in receipt["copies"]]
    assert named == [("backup", True), ("backup", False)]
    call(*receipt["copies"][0]["command"].split()[1:]).assert_done()
    assert BackupFolder(tmp_path / "backups").generations() == []
    assert not shard_path(tmp_path / "backups" / "files", receipt["images"][0], "").exists()
    back_up(filled, tmp_path / "backups")
    with filled.database.read() as session:
        assert session.scalar(select(Tombstone.sha256)) == receipt["images"][0]
    assert receipt["images"][0] not in {path.name for path in (tmp_path / "backups").glob("files/??/*")}
    with filled.database.read() as session:
        assert session.scalar(select(Image.id).where(Image.name == ERASED)) is None


def test_a_schedule_is_kept_by_the_project(filled: ProjectFolder, tmp_path: Path):
    with filled.database.write() as session:
        schedule(session, tmp_path / "backups", timedelta(hours=12), 3)
    told = call("backup", "-p", filled.path)
    assert "one every 12 hours, 3 are kept" in told.out
    assert "the next one is overdue" in told.out


def test_a_login_does_not_come_back_with_a_backup(filled: ProjectFolder, tmp_path: Path):
    users_command(filled.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with Server(filled.path) as server:
        login = requests.post(
            f"{server.url}/api/v1/login", json={"name": "Ada", "password": PASSWORD}, timeout=30
        )
        assert login.status_code == 200
    with filled.database.read() as session:
        assert len(session.scalars(select(LoginSession.id)).all()) == 1
    back_up(filled, tmp_path / "backups")
    restore(tmp_path / "backups", tmp_path / "restored")
    copy = ProjectFolder.open(tmp_path / "restored")
    with copy.database.read() as session:
        assert session.scalars(select(LoginSession.id)).all() == []
    copy.database.close()
