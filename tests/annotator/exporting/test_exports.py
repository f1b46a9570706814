"""facelabel export --format writes a complete folder in the format of another tool, or nothing."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import pytest

from annotator.errors import FacelabelError
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.importers.base import SourceAnswer
from annotator.formats.tools import class_folders, huggingface, label_studio
from annotator.project import ProjectFolder
from annotator.services.exporting.exports import export_as
from tests.support.commands import call, files
from tests.support.paths import CHECKOUT
from tests.support.projects.labelling import ALL, Person

PAGE = CHECKOUT / "docs" / "export.md"


def label_two(project: ProjectFolder) -> list[str]:
    me = Person(project)
    first, second = me.next(2)
    me.answer(first, ALL | {"identity": '=Ada, the "first"'})
    me.answer(second, {"glasses": 1, "hair_top": None})
    return [first.image_name, second.image_name]


def test_exported_labels_of_a_project_can_be_read(filled: ProjectFolder, tmp_path: Path):
    first, second = label_two(filled)
    report = export_as(filled, "label_studio", tmp_path / "out")
    assert (report.images, report.labels, report.lost) == (40, 9, [])
    found = label_studio.read(tmp_path / "out" / "tasks.json")
    assert len(found.images) == 40
    assert set(found.answers) >= {
        SourceAnswer(first, "identity", '=Ada, the "first"'),
        SourceAnswer(first, "glasses", "sunglasses"),
        SourceAnswer(second, "glasses", "glasses"),
        SourceAnswer(second, "hair_top", None),
    }
    assert len(found.answers) == 9


def test_image_files_are_exported_as_links_under_their_names(filled: ProjectFolder, tmp_path: Path):
    export_as(filled, "huggingface", tmp_path / "out")
    found = huggingface.read(tmp_path / "out")
    assert len(found.images) == 40
    assert all(one.path.stat().st_nlink == 2 for one in found.images)
    export_as(filled, "cvat", tmp_path / "copies", "copy")
    copies = list((tmp_path / "copies" / "images").rglob("*.*"))
    assert len(copies) == 40
    assert {path.stat().st_nlink for path in copies} == {1}


def test_the_command_reports_what_was_left_out(filled: ProjectFolder, tmp_path: Path):
    first, _ = label_two(filled)
    done = call("export", "-p", filled.path, "--format", "coursework", "--to", tmp_path / "out")
    done.assert_done()
    assert f"left out: labels of identity, which has no column (1): {first}" in done.err
    assert "left out: images without a label in these columns (38)" in done.err
    done = call("export", "-p", filled.path, "--format", "coursework", "--to", tmp_path / "again", "--json")
    report = json.loads(done.out)
    assert sorted(loss["count"] for loss in report["lost"]) == [1, 38]
    assert (tmp_path / "again" / "annotations.csv").read_bytes() == (
        tmp_path / "out" / "annotations.csv"
    ).read_bytes()


def test_a_second_export_without_a_place_goes_into_the_project(filled: ProjectFolder):
    reports = [export_as(filled, "makesense") for _ in range(2)]
    assert all(Path(report.path).parent == filled.path / "exports" for report in reports)
    assert reports[0].path != reports[1].path


def test_a_refused_export_leaves_nothing_behind(filled: ProjectFolder, tmp_path: Path):
    label_two(filled)
    call(
        "export", "-p", filled.path, "--format", "makesense_csv", "--to", tmp_path / "x" / "out"
    ).assert_refused(1, "Ada", "comma", "Nothing was written")
    assert list((tmp_path / "x").iterdir()) == []


def test_a_folder_that_exists_is_never_written_into(filled: ProjectFolder, tmp_path: Path):
    call("export", "-p", filled.path, "--format", "parquet", "--to", tmp_path).assert_refused(
        1, "exists already"
    )
    call("export", "-p", filled.path, "--format", "parquet", "--names").assert_refused(2, "--names")


def test_a_missing_image_file_fails_the_export(filled: ProjectFolder, tmp_path: Path):
    label_two(filled)
    for path in list(filled.stores.images.local_root.rglob("*.*")):
        path.unlink()
    with pytest.raises(FacelabelError, match="is missing"):
        export_as(filled, "class_folders", tmp_path / "out")
    assert list(tmp_path.glob("*out*")) == []
    assert class_folders.write is EXPORT_FORMATS["class_folders"].write


def test_every_format_is_in_the_documentation():
    page = PAGE.read_text(encoding="utf-8")
    assert [form for form in EXPORT_FORMATS if f"| `{form}` |" not in page] == []


def export_until(path: Path, deadly: int) -> None:
    """Export, and die without warning at the given number of calls and returns of functions."""
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    project = ProjectFolder.open(path)
    sys.setprofile(count)
    export_as(project, "huggingface", path / "out", "copy")
    sys.setprofile(None)
    (path / "steps").write_text(str(steps))


def run_until(path: Path, deadly: int) -> None:
    process = multiprocessing.get_context("fork").Process(target=export_until, args=(path, deadly))
    process.start()
    process.join(60)
    assert process.exitcode in {0, -signal.SIGKILL}


def test_a_killed_export_leaves_a_whole_folder_or_nothing(filled: ProjectFolder, soak: bool):
    label_two(filled)
    filled.database.close()
    run_until(filled.path, 0)
    out, steps = filled.path / "out", int((filled.path / "steps").read_text())
    whole = files(out)
    chance = random.Random(0)
    absent = 0
    for _ in range(100 if soak else 10):
        shutil.rmtree(out, ignore_errors=True)
        run_until(filled.path, chance.randrange(1, steps))
        absent += not out.exists()
        assert not out.exists() or files(out) == whole
    assert absent > 0
    shutil.rmtree(out, ignore_errors=True)
    run_until(filled.path, 0)
    assert files(out) == whole
    assert list(filled.path.glob(".out*")) == []
