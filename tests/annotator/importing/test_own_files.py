"""What the project itself keeps is no part of a source, although people import the folder that the project lies in."""

import shutil
from pathlib import Path

from PIL import Image

from annotator.services.projects import init_project
from tests.support.commands import call
from tests.support.projects.images import names_of
from tests.support.projects.photos import draw_photo


def test_a_project_among_its_photos_is_never_imported(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "images").mkdir(parents=True)
    Image.effect_noise((1100, 64), 80).save(photos / "large.png")  # its view has other bytes
    draw_photo(photos / "images" / "mine.jpg", 1)
    project = init_project(photos)
    for _ in range(2):  # the first import makes the views that the second one meets
        finished = call("import", photos, "-p", photos)
        finished.assert_done()
        assert "2 files found" in finished.out
        assert f"The files of the Facelabel project in {photos} are no part of the source." in finished.err
    assert names_of(project) == ["images/mine.jpg", "large.png"]
    project.database.close()
    call("init", "-p", tmp_path / "other").assert_done()
    shutil.copy(photos / "large.png", tmp_path / "copy.png")
    finished = call("import", tmp_path, "-p", tmp_path / "other")
    finished.assert_done()
    assert "3 files found: 2 images imported, 0 imported before, 1 duplicate" in finished.out
