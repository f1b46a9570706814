"""The import page: choose files, preview, map, confirm, read which files were refused."""

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.importing.bucket.addresses import watch_address
from annotator.services.importing.bucket.objects import CHANGED
from annotator.services.importing.reports import ImageReport
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def server(filled: ProjectFolder) -> Iterator[Server]:
    """A server with a worker, which runs the imports."""
    with Server(filled.path, FACELABEL_WORKER="1") as running:
        yield running


@pytest.fixture
def crowded_photo(tmp_path: Path) -> Path:
    """A photo of two people."""
    draw_faces(tmp_path / "people", 6, size=256)
    photo = Image.new("RGB", (560, 280), (90, 120, 90))
    for place, number in ((10, 1), (290, 6)):
        with Image.open(tmp_path / "people" / f"{number:04d}.jpg") as person:
            photo.paste(person, (place, 12))
    photo.save(tmp_path / "both.png")
    return tmp_path / "both.png"


def becomes(page: Page, state: str) -> None:
    """The worker has a process to start first."""
    expect(page.locator("#state")).to_have_text(state)


def test_watched_addresses_are_listed_with_what_is_wrong(page: Page, project: ProjectFolder):
    report = ImageReport(found=3, imported=2, refused=[("a<b>.png", CHANGED)])
    with project.database.write() as session:
        watch_address(session, "s3://archive/photos", timedelta(minutes=15), report, ["gone.png"])
    with Server(project.path) as server:
        page.goto(server.url + "/import")
        shown = page.locator("#watched-list li")
        expect(shown).to_contain_text(
            "s3://archive/photos: listed every 15 minutes, last less than a minute ago"
        )
        expect(shown.locator(".error")).to_contain_text("so its image has lost its file: a<b>.png.")
        expect(shown.locator(".error")).to_contain_text(
            "1 object is gone, so its image has lost its file: gone.png."
        )


def test_an_archive_with_labels_is_previewed_mapped_and_imported(page: Page, server: Server, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.writestr("broken.jpg", "no image")
        archive.writestr("metadata.jsonl", '{"file_name": "0001.jpg", "eyewear": "dark"}\n')
    page.goto(server.url + "/import")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    page.locator("#files").set_input_files(tmp_path / "labels.zip")
    becomes(page, "checked")
    expect(page.locator("#report")).to_contain_text("eyewear")
    assert server.client().get("/progress")["attributes"]["glasses"]["labelled"] == 0
    mapping = '[columns.eyewear]\nattribute = "glasses"\nvalues.dark = "sunglasses"\n'
    page.get_by_text("Advanced").click()
    page.locator("#mapping-text").fill(mapping)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#report")).to_contain_text("sunglasses 1")
    page.get_by_role("button", name="Import", exact=True).click()
    becomes(page, "imported")
    assert server.client().get("/progress")["attributes"]["glasses"]["labelled"] == 1
    page.reload()
    expect(page.locator("#report")).to_contain_text("sunglasses 1")


def test_several_images_are_uploaded_together_and_refused_files_are_named(
    page: Page, server: Server, faces: Path, tmp_path: Path
):
    long_name = f"{'long ' * 30}ü.jpg"
    (tmp_path / long_name).write_bytes((faces / "0002.jpg").read_bytes() + b"other")
    (tmp_path / "broken.jpg").write_text("no image")
    page.goto(server.url + "/import")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    page.locator("#files").set_input_files(
        [faces / "0001.jpg", tmp_path / long_name, tmp_path / "broken.jpg"]
    )
    becomes(page, "checked")
    page.get_by_text("Refused: 1").click()
    expect(page.locator("#report")).to_contain_text("broken.jpg is not an image")
    page.get_by_role("button", name="Import", exact=True).click()
    becomes(page, "imported")
    found = server.client().get("/images?limit=200")["images"]
    assert any(image["name"] == long_name for image in found)
    assert server.client().get("/progress")["images"] == 41


def test_a_bad_file_is_reported_and_discarded(page: Page, server: Server, tmp_path: Path):
    (tmp_path / "bad.zip").write_text("no archive")
    page.goto(server.url + "/import")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    nothing = page.evaluate_handle("new DataTransfer()")  # as of an empty folder
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": nothing})
    expect(page.locator("#error")).to_have_text("There is no file in it.")
    page.locator("#files").set_input_files(tmp_path / "bad.zip")
    becomes(page, "failed")
    expect(page.locator("#trouble")).to_contain_text("cannot be unpacked")
    page.get_by_role("button", name="Discard the file").click()
    becomes(page, "discarded")
    expect(page.locator("#imports")).to_contain_text("discarded")
    assert not list((server.project / "uploads").iterdir())


def test_heads_are_cut_out_where_a_photo_shows_several_people(
    page: Page, project: ProjectFolder, crowded_photo: Path, faces: Path
):
    with Server(project.path, FACELABEL_WORKER="1", FACELABEL_FACES="1") as server:
        page.goto(server.url + "/import")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        crop = page.get_by_label("Crop photos to one image per head")
        page.locator("#files").set_input_files(faces / "0001.jpg")
        becomes(page, "checked")
        expect(page.locator("#heads")).to_be_hidden()
        expect(crop).not_to_be_checked()
        page.locator("#files").set_input_files(crowded_photo)
        expect(page.locator("#heads")).to_have_text(
            "1 of 1 photos show several people or small faces. Cut out heads? It is recommended.",
        )
        expect(crop).to_be_checked()
        page.get_by_role("button", name="Import", exact=True).click()
        becomes(page, "imported")
    assert names_of(project) == ["both~face1.jpg", "both~face2.jpg"]
