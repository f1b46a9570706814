"""The command doctor tells damage of every kind, and never ends in a traceback."""

import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from annotator.files import shard_path
from annotator.project import ProjectFolder
from tests.support.commands import Finished, call
from tests.support.projects.erasing import fill
from tests.support.projects.labelling import answer_images

PAGE = 4096
TRIALS = 200


def doctor(project: Path, *options: str) -> tuple[Finished, dict[str, dict[str, str]]]:
    called = call("doctor", "-p", project, "--json", *options)
    assert "Traceback" not in called.out + called.err
    return called, {finding["name"]: finding for finding in json.loads(called.out)}


def content(database: Path) -> list[str] | None:
    """All rows; None if they cannot be read.

    Without the descriptors of faces: any 512 bytes can be one, no label depends on them, and they can be computed again.
    """
    try:
        with closing(sqlite3.connect(database)) as connection:
            return [re.sub(r"X'[0-9A-F]{1024}'", "", line) for line in connection.iterdump()]
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def test_a_sound_project_has_no_damage(labelled: ProjectFolder):
    fill(labelled)
    answer_images(labelled, 0)
    for options in ((), ("--deep",)):
        told, found = doctor(labelled.path, *options)
        assert told.code == 0, told.out
        assert found["images"]["detail"].startswith("40, every")
        assert found["database"]["detail"].startswith("sound: 40 images")
        assert found["backups"]["state"] == "missing"


@pytest.mark.database_file
@pytest.mark.timeout(1800)
def test_a_damaged_page_is_told_or_harmless(labelled: ProjectFolder, tmp_path: Path, soak: bool):
    fill(labelled)
    labelled.database.checkpoint()
    labelled.database.close()
    sound, before = labelled.database_file.read_bytes(), content(labelled.database_file)
    pages, chance = len(sound) // PAGE, random.Random(0)
    told, trials = 0, TRIALS if soak else 8
    for trial in range(trials):
        place = trial * pages // trials
        count = chance.choice([16, 512, PAGE // 2]) if trial else PAGE // 2
        start = (
            place * PAGE + chance.randrange(PAGE - count + 1) if trial else 0
        )  # the file's header: certainly told
        damaged = bytearray(sound)
        damaged[start : start + count] = chance.choice([chance.randbytes(count), bytes(count)])
        for path in labelled.path.glob("facelabel.db*"):
            path.unlink()
        labelled.database_file.write_bytes(damaged)
        after, finished = content(labelled.database_file), doctor(labelled.path, "--deep")[0]
        doctor(labelled.path)
        if finished.code == 0:
            assert after == before, f"bytes {start} to {start + count} were damaged, and nobody told"
        told += finished.code == 1
    assert told > 0


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def overwrite(path: Path) -> None:
    path.write_bytes(b"no such thing" * 1000)


@pytest.mark.database_file
@pytest.mark.parametrize("harm", [cut, overwrite, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_database_file_that_is_none_is_told(filled: ProjectFolder, harm: Callable[[Path], object]):
    filled.database.checkpoint()
    filled.database.close()
    harm(filled.database_file)
    told, found = doctor(filled.path)
    assert told.code == (1 if filled.database_file.exists() else 0)
    assert {found["project"]["state"]} <= {"failed", "missing"} or found["database"]["state"] == "failed"


def test_missing_and_changed_images_are_named(filled: ProjectFolder):
    with filled.database.read() as session:
        rows = (
            session.connection()
            .exec_driver_sql("SELECT name, sha256, extension FROM images ORDER BY id")
            .all()
        )
    (gone, sha256, extension), (changed, other, _), (unseen, third, _) = rows[3], rows[5], rows[7]
    shard_path(filled.stores.images.local_root, sha256, extension).unlink()
    path = shard_path(filled.stores.images.local_root, other, extension)
    shutil.copy(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    with path.open("r+b") as file:
        file.seek(300)
        file.write(b"?")
    shard_path(filled.stores.views.local_root, third, "jpg").unlink()
    told, found = doctor(filled.path)
    assert (told.code, found["images"]["state"]) == (1, "failed")
    assert {gone, unseen} <= set(found["images"]["detail"].replace(",", "").split())
    assert changed not in found["images"]["detail"]
    assert changed in doctor(filled.path, "--deep")[1]["images"]["detail"]
