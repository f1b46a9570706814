"""A backup is killed, meets a full disk, or runs while eight people label: a usable backup is always there."""

import random
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from annotator.errors import NoRoom
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.backups.create import back_up, back_up_to_archive
from annotator.services.backups.folder import BackupFolder
from annotator.services.backups.places import schedule
from annotator.services.backups.restore import restore, verify_backup
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.killing import Moment, dies
from tests.support.labelling_team import Team
from tests.support.projects.database_checks import annotations_by_key, assert_counts_are_right
from tests.support.projects.labelling import Person, answer_images
from tests.support.serving import Server
from tests.support.waiting import wait_until

TRIALS = 50


def back_up_until(moment: Moment, folder: Path, root: Path, count: Path | None = None) -> None:
    """Make a backup until a moment: an event is a file that is opened, listed, renamed or removed."""
    project, before = ProjectFolder.open(folder), moment.events
    moment.of_files(root)
    back_up(project, root, keep=1)
    if count is not None:
        count.write_text(str(before - moment.events))


@pytest.mark.timeout(3600)
def test_a_killed_backup_leaves_the_earlier_one_usable(filled: ProjectFolder, tmp_path: Path, soak: bool):
    root = tmp_path / "backups"
    back_up(filled, root)
    answers = len(answer_images(filled, 5)[1])
    export_snapshot(filled, None, SnapshotOptions(images="copy"))
    shutil.copytree(root, tmp_path / "before")
    assert not dies(back_up_until, Moment(sys.maxsize), filled.path, root, tmp_path / "events")
    events = int((tmp_path / "events").read_text())
    chance, removed = random.Random(0), 0
    trials = TRIALS if soak else TRIALS // 10
    for trial in range(trials):
        shutil.rmtree(root)
        shutil.copytree(tmp_path / "before", root)
        place = events * trial // trials + chance.randrange(max(1, events // trials))
        assert dies(back_up_until, Moment(place), filled.path, root)
        report = restore(root, tmp_path / "restored")
        assert report.counts["images"] == 40
        assert report.counts["submissions"] in {0, answers}
        removed += report.counts["submissions"] == answers
        shutil.rmtree(tmp_path / "restored")
        back_up(filled, root, keep=1)
        assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []
        assert len(BackupFolder(root).generations()) == 1
    assert removed < trials, "no kill came before the new backup was whole"


def test_a_full_disk_leaves_the_earlier_backup_and_the_next_one_works(
    filled: ProjectFolder, small_disk: Path
):
    back_up(filled, small_disk / "backups")
    filled.imports.mkdir(exist_ok=True)
    (filled.imports / "report.json").write_bytes(random.Random(0).randbytes(5 * 2**20))
    before = sorted(path.relative_to(small_disk) for path in small_disk.rglob("*"))
    free = shutil.disk_usage(small_disk).free
    for room in (10_000, 300_000, 2 * 2**20):
        filler = small_disk / "filler"
        filler.write_bytes(bytes(free - room))
        for make in (
            lambda: back_up(filled, small_disk / "backups"),
            lambda: back_up_to_archive(filled, small_disk / "one.tar"),
        ):
            with pytest.raises(NoRoom):
                make()
        filler.unlink()
        left = {path.relative_to(small_disk) for path in small_disk.rglob("*")} - set(before)
        assert {path.parts[1] for path in left} <= {"files"}, "more is left than contents for the next backup"
        verify_backup(small_disk / "backups")
    back_up(filled, small_disk / "backups")
    assert len(BackupFolder(small_disk / "backups").generations()) == 2


@pytest.mark.timeout(600)
def test_a_backup_under_eight_labellers_has_every_answer_acknowledged_before(
    filled: ProjectFolder, tmp_path: Path, soak: bool
):
    root, kept = tmp_path / "backups", 0
    with (
        Server(filled.path, FACELABEL_LEASE_SECONDS="1") as server,
        Team(tmp_path / "team", server.port, "part") as team,
    ):
        for number in range(20 if soak else 2):
            enough = team.acknowledged() + 40
            wait_until(lambda enough=enough: team.acknowledged() >= enough, f"{enough} answers")
            acknowledged = {line["acknowledged"] for line in team.noted("acknowledged")}
            back_up(filled, root)
            restore(root, tmp_path / f"restored-{number}")
            copy = ProjectFolder.open(tmp_path / f"restored-{number}")
            held = annotations_by_key(copy.database)
            sent = {line["sent"]: line["body"] for line in team.noted("sent")}
            assert acknowledged <= held.keys() <= sent.keys()
            assert all(values == sent[key]["values"] for key, values in held.items())
            assert_counts_are_right(copy)
            assert Person(copy).next(1), "nobody can label on"
            copy.database.close()
            kept += len(held)
        team.stop()
    assert kept > 40


def test_the_worker_makes_a_backup_that_is_due(filled: ProjectFolder, tmp_path: Path):
    with filled.database.write() as session:
        schedule(session, tmp_path / "backups", timedelta(days=1), 7)
    with Server(filled.path, FACELABEL_WORKER="1") as server:
        place = BackupFolder(tmp_path / "backups")
        wait_until(place.generations, "the worker made a backup")

        def told() -> dict:
            [known] = server.client().get("/backups")["places"]
            return known if known["last_at"] else {}

        assert wait_until(told, "the page tells it")["every_seconds"] == 86_400
    verify_backup(place.root)
