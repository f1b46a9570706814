"""Every file of a source is counted once: imported, already here, a duplicate, refused or ignored."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from annotator.errors import FacelabelError
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.pipeline import import_source
from annotator.services.importing.reports import ImageReport, SourceReport
from annotator.services.importing.sources import ImportOptions, find_sources
from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.projects.images import LIMITS
from tests.support.projects.importing import run_import
from tests.support.projects.labelling import labels_of
from tests.support.projects.photos import draw_photo, draw_photos
from tests.support.soak import FULL

FOLDERS = st.sampled_from(
    ["", "a", "b", "a/c", ".hidden", "@eaDir", "a/.ipynb_checkpoints", "__MACOSX", "masks", ".Trash-0/x"]
)
FILES = st.sampled_from(
    ["1.jpg", "1.png", "2.jpg", "IMG_3", "wrong.dat", "._1.jpg", "Thumbs.db", "notes.txt", "clip.mp4", "0_skin.png",
     "raw.cr2", "inner.zip", "labels.json"]
)  # fmt: skip
CONTENTS = st.sampled_from([0, 1, 2, "text", "empty"])


def make_tree(folder: Path, files: dict[tuple[str, str], object], links: set[tuple[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    for (place, name), content in files.items():
        path = folder / place / name
        if isinstance(content, int):
            draw_photo(path, content, "PNG")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"" if content == "empty" else b"no image")
    for place, target in links:
        link = folder / place / f"link-{target.replace('/', '-') or 'root'}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder / target)


def counts(report: ImageReport) -> tuple[int, ...]:
    return (
        report.found,
        report.imported + report.already + len(report.duplicates),
        len(report.refused),
        report.left_aside,
    )


def bring_in(project: ProjectFolder, path: Path, *, dry_run: bool, form: str = "auto") -> SourceReport:
    [source] = find_sources(project, [path], form)
    return import_source(project, source, ImportOptions(LIMITS, dry_run=dry_run))


@pytest.mark.soak
@given(
    st.dictionaries(st.tuples(FOLDERS, FILES), CONTENTS, min_size=1, max_size=9),
    st.sets(st.tuples(st.sampled_from(["", "a"]), st.sampled_from(["", "a", "b", "gone"])), max_size=3),
)
@settings(max_examples=100 if FULL else 6, suppress_health_check=[HealthCheck.too_slow])
def test_every_file_of_a_folder_and_of_an_archive_is_counted(
    files: dict[tuple[str, str], object], links: set[tuple[str, str]]
) -> None:
    """`import_source` checks the sum itself. A dry run, the import, and the import again count the same files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, project = Path(scratch) / "tree", init_project(Path(scratch) / "project")
        draw_photo(folder / "sure.jpg", 9)
        make_tree(folder, files, links)
        tried, done, again = (bring_in(project, folder, dry_run=dry_run) for dry_run in (True, False, False))
        assert counts(tried.images) == counts(done.images) == counts(again.images)
        assert again.images.imported == 0
        assert tried.images.imported == done.images.imported
        packed = Path(shutil.make_archive(f"{scratch}/packed", "zip", folder))
        tried, done, again = (bring_in(project, packed, dry_run=dry_run) for dry_run in (True, False, False))
        assert counts(tried.images) == counts(done.images) == counts(again.images)
        project.database.close()


@pytest.mark.soak
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["glasses", "hair_color"]), st.sampled_from(["none", "black"]), FILES), CONTENTS,
        min_size=1, max_size=9,
    )
)  # fmt: skip
@settings(max_examples=100 if FULL else 6, suppress_health_check=[HealthCheck.too_slow])
def test_every_file_of_class_folders_is_counted(files: dict[tuple[str, str, str], object]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, project = Path(scratch) / "classes", init_project(Path(scratch) / "project")
        draw_photo(folder / "glasses" / "none" / "sure.jpg", 9)
        draw_photo(folder / "hair_color" / "black" / "sure.jpg", 9)
        make_tree(
            folder,
            {(f"{tree}/{value}", name): content for (tree, value, name), content in files.items()},
            set(),
        )
        tried, done, again = (
            bring_in(project, folder, dry_run=dry_run, form="class_folders")
            for dry_run in (True, False, False)
        )
        assert counts(tried.images) == counts(done.images) == counts(again.images)
        assert len(done.images.duplicates) >= 1
        different = {content for (_, _, name), content in files.items() if isinstance(content, int)}
        assert done.images.imported <= len(different) + 1
        project.database.close()


def test_a_wrong_count_is_an_error_that_says_what_is_kept() -> None:
    with pytest.raises(FacelabelError, match=r"holds 3 files, and the import accounts for 2") as told:
        ImageReport(found=3, imported=1, ignored={"videos": 1}).check()
    assert told.value.kept == "What was imported is kept."


def test_class_folders_with_equal_file_names_keep_their_photos_and_labels_apart(
    project: ProjectFolder, tmp_path: Path
) -> None:
    root = draw_photos(
        tmp_path / "trees",
        {f"glasses/sunglasses/{n}.jpg": n for n in range(3)}
        | {f"hair_color/black/{n}.jpg": 10 + n for n in range(3)},
    )
    report = run_import(project, root)[str(root)]
    assert (report["images"]["found"], report["images"]["imported"]) == (6, 6)
    answers = labels_by_path(project)
    assert {path: set(labels) for path, labels in answers.items()} == {
        path.relative_to(root).as_posix(): {path.relative_to(root).parts[0]} for path in root.rglob("*.jpg")
    }
    again = run_import(project, root)[str(root)]["images"]
    assert (again["imported"], again["already"]) == (0, 6)


def labels_by_path(project: ProjectFolder) -> dict[str, dict[str, int | None]]:
    """The labels of every image by its path at its source."""
    with project.database.read() as session:
        images = session.execute(select(Image.id, Image.original_path)).all()
    return {path: labels_of(project, image) for image, path in images}


def test_one_photo_in_two_trees_is_one_image_with_both_labels(project: ProjectFolder, tmp_path: Path) -> None:
    root = draw_photos(tmp_path / "trees", {"glasses/none/1.jpg": 1, "hair_color/black/1.jpg": 1})
    images = run_import(project, root)[str(root)]["images"]
    assert (images["imported"], images["duplicates"]) == (1, [["hair_color/black/1.jpg", "1.jpg"]])
    [answers] = labels_by_path(project).values()
    assert set(answers) == {"glasses", "hair_color"}


def test_splits_of_class_folders_are_different_photos(project: ProjectFolder, tmp_path: Path) -> None:
    root = draw_photos(
        tmp_path / "set", {"train/glasses/1.jpg": 1, "val/glasses/1.jpg": 2, "train/none/2.jpg": 3}
    )
    mapping = tmp_path / "map.toml"
    mapping.write_text('[columns.train]\nattribute = "glasses"\n[columns.val]\nattribute = "glasses"\n')
    report = run_import(project, root, "--format", "class_folders", "--map", mapping)[str(root)]
    assert (report["images"]["imported"], report["labels"]["added"]) == (3, 3)


def test_the_command_and_its_json_say_what_was_found(project: ProjectFolder, tmp_path: Path) -> None:
    folder = draw_photos(tmp_path / "photos", {"1.jpg": 1, "2.jpg": 1, "masks/1.png": 3})
    (folder / "notes.txt").write_text("a note")
    (folder / "clip.mp4").write_bytes(b"film")
    (folder / "half.jpg").write_bytes((folder / "1.jpg").read_bytes()[:100])
    finished = call("import", folder, "--dry-run", "-p", project.path)
    finished.assert_done()
    assert (
        "6 files found: 2 images would be imported, 0 imported before, 1 duplicate, 1 refused, 2 other"
        in finished.out
    )
    assert "Ignored: 1 video, 1 .txt file." in finished.out
    assert "Ignored: 1 video. Import each video by its own name" in finished.err
    report = json.loads(call("import", folder, "--json", "-p", project.path).out)["images"]
    assert (report["found"], report["ignored"], report["left_aside"]) == (
        6,
        {".txt files": 1, "videos": 1},
        2,
    )
