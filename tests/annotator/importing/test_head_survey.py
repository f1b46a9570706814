"""Before photos are imported, a look at some of them tells whether to cut out heads."""

import json
from pathlib import Path

import pytest
from PIL import Image

from annotator.cli.importing import run_image_import
from annotator.config import Settings
from annotator.imaging.photo_survey import PhotoFaces
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.importing.jobs import ImportRequest, begin_import, get_import, start_import
from annotator.services.importing.reports import HeadSurvey
from annotator.services.importing.runner import run_next_import
from annotator.services.importing.uploads import receive_piece
from tests.support.commands import call
from tests.support.projects.images import names_of


@pytest.fixture(autouse=True)
def _looks_at_photos(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACELABEL_FACES", "1")


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    folder = tmp_path_factory.mktemp("portraits")
    draw_faces(folder, 6, size=256)
    images = []
    for number in (1, 6):
        with Image.open(folder / f"{number:04d}.jpg") as opened:
            images.append(opened.convert("RGB"))
    return images


@pytest.fixture
def party(tmp_path: Path, portraits: list[Image.Image]) -> Path:
    """A photo of two people, one of one, and a file that is no photo."""
    folder = tmp_path / "party"
    folder.mkdir()
    both = Image.new("RGB", (560, 280), (90, 120, 90))
    for place, person in zip((10, 290), portraits, strict=True):
        both.paste(person, (place, 12))
    both.save(folder / "both.png")
    portraits[0].save(folder / "one.png")
    (folder / "broken.jpg").write_bytes(b"no photo")
    return folder


HEADS = ["both~face1.jpg", "both~face2.jpg", "one~face1.jpg"]


def test_up_cuts_out_heads_where_photos_show_several_people(
    project: ProjectFolder, party: Path, portraits: list[Image.Image], capsys: pytest.CaptureFixture[str]
):
    run_image_import(project, [party], faces=None)
    assert names_of(project) == HEADS
    assert (
        "1 of 2 photos looked at show several people or small faces: heads are cut" in capsys.readouterr().err
    )
    (party / "both.png").unlink()
    portraits[1].save(party / "two.png")
    run_image_import(project, [party], faces=None)
    assert names_of(project) == [*HEADS, "two~face1.jpg"], "photos that come later are treated alike"


def test_up_leaves_photos_whole_on_request_and_ever_after(project: ProjectFolder, party: Path):
    for faces in (False, None):
        run_image_import(project, [party], faces=faces)
        assert names_of(project) == ["both.png", "one.png"]


def test_the_import_command_recommends_it_and_does_as_it_is_told(project: ProjectFolder, party: Path):
    finished = call("import", party, "-p", project.path)
    finished.assert_done()
    assert "1 of 2 photos looked at show several people or small faces" in finished.err
    assert "Recommended: --faces" in finished.err
    assert names_of(project) == ["both.png", "one.png"]
    again = call("import", party, "-p", project.path, "--json")
    assert json.loads(again.out)["images"]["heads"] == {
        "photos": 3, "looked_at": 2, "crowded": 1, "cut_before": False, "recommended": False,
    }  # fmt: skip
    assert "--faces" not in again.err


def test_no_heads_are_cut_out_of_photos_that_are_too_small(project: ProjectFolder, party: Path):
    with Image.open(party / "both.png") as both:
        both.reduce(2).save(party / "both.png")
    run_image_import(project, [party], faces=None)
    assert names_of(project) == ["both.png", "one.png"]


def test_photos_with_labels_stay_whole(project: ProjectFolder, party: Path):
    (party / "labels.csv").write_text("image_name,glasses\nboth.png,none\n")
    run_image_import(project, [party], faces=None)
    assert names_of(project) == ["both.png", "one.png"]


def test_a_dry_run_on_the_page_tells_what_is_recommended(project: ProjectFolder, party: Path):
    content = (party / "both.png").read_bytes()
    with project.database.write() as session:
        number = begin_import(session, "key", 1, "both.png", len(content), dry_run=True).id
    receive_piece(project, number, 0, content)
    assert run_next_import(project, Settings(), lambda: False)
    with project.database.read() as session:
        report = get_import(session, number).report
    assert report is not None
    assert report["heads"] == {
        "photos": 1, "looked_at": 1, "crowded": 1, "cut_before": None, "recommended": True,
        "text": "1 of 1 photos show several people or small faces",
    }  # fmt: skip
    assert names_of(project) == []
    with project.database.write() as session:
        start_import(session, number, ImportRequest(faces=True), dry_run=False)
    assert run_next_import(project, Settings(), lambda: False)
    assert names_of(project) == HEADS[:2]


def test_nothing_is_looked_at_where_the_search_for_faces_is_off(
    project: ProjectFolder, party: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FACELABEL_FACES", "0")
    finished = call("import", party, "-p", project.path, "--json")
    assert json.loads(finished.out)["images"]["heads"] is None


@pytest.mark.parametrize(
    ("faces", "largest", "crowded"), [(0, 0.0, False), (1, 0.2, False), (1, 0.15, True), (2, 0.4, True)]
)
def test_several_people_or_a_small_face_make_a_photo_crowded(faces: int, largest: float, crowded: bool):
    assert PhotoFaces("", faces, largest).crowded == crowded


@pytest.mark.parametrize(
    ("crowded", "cut_before", "recommended"),
    [(0, None, False), (4, None, False), (5, None, True), (48, False, False), (0, True, True)],
)
def test_heads_are_recommended_from_a_tenth_of_the_photos_or_as_before(
    crowded: int, cut_before: bool | None, recommended: bool
):
    assert HeadSurvey(500, 48, crowded, cut_before).recommended == recommended
