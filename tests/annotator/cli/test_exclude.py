"""`facelabel exclude` and `restore`, and imports that meet excluded images."""

import json
from pathlib import Path

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.commands import call
from tests.support.projects.excluding import exclude_images
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import answer_images


def test_images_are_excluded_and_restored_by_name(filled: ProjectFolder):
    first, second, third = names_of(filled)[:3]
    project = ("-p", filled.path)
    done = call("exclude", first, second, "--reason", "bad_quality", "--note", "blurred", *project)
    done.assert_done()
    assert done.out == "2 images are excluded.\n"
    assert "38 images, 0 done, 38 open, and 2 excluded" in call("status", *project).out
    again = call("exclude", second, third, "--reason", "other", *project)
    assert again.out == "1 image is excluded.\n1 image was excluded before.\n"
    back = call("include", first, "--json", *project)
    assert json.loads(back.out) == {"restored": 1, "unchanged": 0}
    assert json.loads(call("status", "--json", *project).out)["excluded"] == 2


def test_a_name_or_reason_that_does_not_exist_changes_nothing(filled: ProjectFolder):
    [name, *_] = names_of(filled)
    project = ("-p", filled.path)
    call("exclude", name, "nobody.jpg", "--reason", "other", *project).assert_refused(1, "nobody.jpg")
    call("exclude", name, "--reason", "boring", *project).assert_refused(2, "bad_quality")
    call("exclude", name, *project).assert_refused(2, "--reason")
    call("include", *project).assert_refused(2, "NAMES")
    assert "40 images, 0 done, 40 open\n" in call("status", *project).out


def test_importing_an_excluded_image_again_says_so(filled: ProjectFolder, faces: Path):
    name = names_of(filled)[3]
    exclude_images(filled, image_of(filled, name))
    again = call("import", faces, "-p", filled.path)
    again.assert_done()
    assert f"1 file is here already and excluded: {name}." in again.out
    assert "39 images" in call("status", "-p", filled.path).out


def test_importing_an_old_snapshot_says_which_of_its_images_are_excluded(
    filled: ProjectFolder, tmp_path: Path
):
    _, [image, *_] = answer_images(filled)
    old, _ = export_snapshot(filled, tmp_path / "old", SnapshotOptions(images="copy"))
    exclude_images(filled, image)
    again = call("import", old, "-p", filled.path)
    again.assert_done()
    assert "1 file is here already and excluded" in again.out
    assert "1 row is about an image that this project has excluded" in again.err
    new, manifest = export_snapshot(filled, tmp_path / "new", SnapshotOptions())
    assert manifest["counts"]["images"] == 39
    assert call("verify", new).code == 0
