"""The import page asks what the labels of a file mean, and imports what was chosen."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.browser.pages import axe_faults
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.importing import labels_by_image, make_video
from tests.support.projects.schemas import WITH_GENDER_AND_RATING
from tests.support.serving import Server

pytestmark = pytest.mark.browser

TABLE = """file,eyewear,sex,score,remarks
0001.jpg,spectacles,f,1,<b>x</b>
0002.jpg,none,m,2,=1+1
0003.jpg,dark ones,f,1,
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Iterator[Server]:
    """A server with a worker, on 40 images of which gender and rating are asked, too."""
    folder = tmp_path_factory.mktemp("choices")
    (folder / "attributes.toml").write_text(WITH_GENDER_AND_RATING)
    project = init_project(folder / "project", folder / "attributes.toml")
    import_images(project, [faces], LIMITS)
    project.database.close()
    with Server(project.path, FACELABEL_WORKER="1") as running:
        yield running


def upload(page: Page, server: Server, name: str, content: bytes, state: str) -> None:
    """Choose a file, and wait until the worker has tried it and the page asks."""
    page.goto(server.url + "/import")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    page.locator("#files").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    expect(page.locator("#state")).to_have_text(state)
    expect(page.locator("#confirm")).to_be_visible()


def card(page: Page, column: str) -> Locator:
    return page.locator(f'[data-column="{column}"]')


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("#state")).to_have_text("imported")


def labels(server: Server, attribute: str) -> dict[str, str]:
    project = ProjectFolder.open(server.project)
    found = labels_by_image(project, attribute)
    project.database.close()
    return found


def test_a_table_is_imported_by_choosing(page: Page, server: Server):
    upload(page, server, "labels.csv", TABLE.encode(), "needs your choices")
    expect(card(page, "eyewear").locator(".attribute")).to_have_value("glasses")
    expect(card(page, "eyewear").get_by_label("spectacles")).to_have_value("glasses")
    expect(card(page, "sex").get_by_label("f ×")).to_have_value("female")
    expect(card(page, "remarks").locator(".attribute")).to_have_value("")
    expect(card(page, "remarks")).to_contain_text("<b>x</b>, =1+1")
    first = page.locator("#examples li").first
    expect(first).to_contain_text("Genderfemale")
    expect(page.locator("#examples li").nth(2)).not_to_contain_text("sunglasses")

    dark = card(page, "eyewear").get_by_label("dark ones")
    dark.focus()
    dark.select_option("sunglasses")
    expect(page.locator("#examples li").nth(2)).to_contain_text("sunglasses")
    expect(dark).to_be_focused()

    card(page, "score").locator(".attribute").select_option("rating")
    reading = card(page, "score").get_by_label("two ways")
    page.get_by_role("button", name="Import", exact=True).click()
    assert reading.evaluate("field => field.validity.valueMissing"), "an open question was not asked"
    expect(page.locator("#state")).to_have_text("needs your choices")
    reading.select_option(label="the cells are names")
    expect(first).to_contain_text("Rating1")
    confirm(page)
    assert labels(server, "glasses") == {
        "0001.jpg": "glasses",
        "0002.jpg": "none",
        "0003.jpg": "sunglasses",
    }
    assert labels(server, "gender") == {"0001.jpg": "female", "0002.jpg": "male", "0003.jpg": "female"}
    assert labels(server, "rating") == {"0001.jpg": "1", "0002.jpg": "2", "0003.jpg": "1"}


def test_the_mapping_of_an_import_is_saved_and_pasted_again(page: Page, server: Server):
    upload(page, server, "again.csv", TABLE.encode(), "needs your choices")
    page.get_by_text("Advanced").click()
    field = page.locator("#mapping-text")
    field.fill(
        '[columns.eyewear]\nattribute = "glasses"\nvalues.spectacles = "sunglasses"\n[columns.sex]\nattribute = ""\n'
    )
    field.blur()
    expect(card(page, "eyewear").get_by_label("spectacles")).to_have_value("sunglasses")
    expect(card(page, "sex").locator(".attribute")).to_have_value("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    assert 'values."spectacles" = "sunglasses"' in Path(download.value.path()).read_text()
    field.fill("no = ")
    field.blur()
    expect(page.locator("#mapping-error")).to_contain_text("cannot be read")
    page.get_by_role("button", name="Discard the file").click()
    expect(page.locator("#state")).to_have_text("discarded")


def test_the_folders_of_an_archive_are_asked_about(page: Page, server: Server, faces: Path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, folder in ((4, "with specs"), (5, "without"), (6, "unsure")):
            archive.writestr(f"{folder}/new{number}.jpg", (faces / f"{number:04d}.jpg").read_bytes() + b"new")
    upload(page, server, "photos.zip", file.getvalue(), "checked")
    expect(card(page, "photos")).to_contain_text("Folders in photos/")
    expect(page.locator("#examples img")).to_have_count(3)
    card(page, "photos").locator(".attribute").select_option(label="Glasses")
    expect(card(page, "photos").get_by_label("with specs")).to_have_value("glasses")
    confirm(page)
    found = labels(server, "glasses")
    assert (found["new4.jpg"], found["new5.jpg"]) == ("glasses", "none")
    assert "new6.jpg" not in found


def test_a_video_says_how_many_images_it_makes(page: Page, server: Server, tmp_path: Path):
    film = make_video(tmp_path / "film.mp4", frames=40, fps=10)
    upload(page, server, "film.mp4", film.read_bytes(), "checked")
    expect(page.locator("#frames-made")).to_have_text("makes about 4 images")
    page.get_by_label("Frames per second").fill("2.5")
    expect(page.locator("#frames-made")).to_have_text("makes about 10 images")
    confirm(page)
    expect(page.locator("#report")).to_contain_text("10 frames were taken")


def test_a_phone_has_room_for_both_sides(page: Page, server: Server):
    page.set_viewport_size({"width": 390, "height": 844})
    upload(page, server, "phone.csv", TABLE.encode(), "needs your choices")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for field in page.locator("#choices select:visible").all():
        box = field.bounding_box()
        assert box is not None
        assert box["width"] >= 130
        assert box["height"] >= 36
    page.get_by_role("button", name="Discard the file").click()
    expect(page.locator("#state")).to_have_text("discarded")


def test_the_choices_have_names_and_contrast(injectable: Page, server: Server):
    upload(injectable, server, "axe.csv", TABLE.encode(), "needs your choices")
    card(injectable, "score").locator(".attribute").select_option("rating")
    expect(card(injectable, "score").get_by_label("two ways")).to_be_visible()
    injectable.get_by_text("Advanced").click()
    assert axe_faults(injectable) == []
    injectable.get_by_role("button", name="Discard the file").click()
    expect(injectable.locator("#state")).to_have_text("discarded")
