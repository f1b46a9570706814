"""A schema change is killed: attributes.toml or the database may be ahead, and the next process completes it."""

import shutil
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

from sqlalchemy import select

from annotator.domain.schema import parse_schema
from annotator.models import Image, Label
from annotator.project import ProjectFolder
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.changes import preview_changes
from annotator.services.schema_editing.file import change_schema, schema_version
from tests.support.commands import call
from tests.support.projects.labelling import answer_images
from tests.support.projects.schemas import DEFAULT_SCHEMA, MERGED_VALUE, RENAMED_ATTRIBUTE, SPLIT_VALUE

CHANGED = {"rename": RENAMED_ATTRIBUTE, "merge": MERGED_VALUE, "split": SPLIT_VALUE}
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from annotator.domain.schema import parse_schema
from annotator.project import ProjectFolder
from annotator.services.schema_editing.file import change_schema

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def at_last_statement(connection, cursor, statement, *_):
    if statement.startswith("UPDATE project SET schema_version"):
        die()

path, moment, text, version = sys.argv[1:]
project = ProjectFolder.open(Path(path))
if moment == "before the file is written":
    event.listen(project.database.engine, "after_cursor_execute", at_last_statement)
if moment == "before the commit":
    event.listen(project.database.engine, "commit", die)
change_schema(project, 1, "the change", parse_schema(text), int(version))
die()  # before anybody was told
"""
MOMENTS = ("before the file is written", "before the commit", "before anybody was told")


def state(project: ProjectFolder) -> tuple:
    """The schema, the labels, the open cells, and in what the file is ahead of the database."""
    with project.database.read() as session:
        labels = session.execute(
            select(Label.image_id, Label.attribute_id, Label.code).order_by(*Label.__table__.primary_key)
        )
        cells = session.execute(select(Image.id, Image.open_cells).order_by(Image.id))
        ahead = preview_changes(session, parse_schema(project.schema_file.read_text(encoding="utf-8")))
        return read_schema(session), labels.all(), cells.all(), ahead


def kill(project: ProjectFolder, moment: str, text: str, version: int) -> None:
    project.database.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(project.path), moment, text, str(version)], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


def trials(soak: bool) -> list[tuple[str, str]]:
    """Which change is killed when: every change once, in full at every moment."""
    return list(product(CHANGED, MOMENTS)) if soak else list(zip(CHANGED, MOMENTS, strict=True))


def test_a_killed_schema_change_is_completed_from_any_point(
    filled: ProjectFolder, tmp_path: Path, soak: bool
):
    answer_images(filled)
    filled.database.checkpoint()
    with filled.database.read() as session:
        version = schema_version(session)
    before = state(filled)
    filled.database.close()
    for number, (change, moment) in enumerate(trials(soak)):
        wanted = parse_schema(CHANGED[change])
        unkilled, sent_again, applied = (
            ProjectFolder(tmp_path / f"{name} {number}") for name in ("unkilled", "again", "applied")
        )
        shutil.copytree(filled.path, unkilled.path)
        change_schema(unkilled, 1, "the change", wanted, version)
        expected = state(unkilled)
        assert expected[-1] == []
        shutil.copytree(filled.path, sent_again.path)
        kill(sent_again, moment, CHANGED[change], version)
        shutil.copytree(sent_again.path, applied.path)
        written = sent_again.schema_file.read_text(encoding="utf-8")
        assert (written == DEFAULT_SCHEMA) == (moment == MOMENTS[0])
        # The page sends the same change with the same key.
        change_schema(sent_again, 1, "the change", wanted, version)
        assert state(sent_again) == expected != before
        # Somebody calls the command: it applies what the file says.
        for command in ("check", "apply", "apply"):
            call("schema", command, "-p", applied.path).assert_done()
        assert state(applied) == (before if moment == MOMENTS[0] else expected)
        for project in (unkilled, sent_again, applied):
            project.database.close()
