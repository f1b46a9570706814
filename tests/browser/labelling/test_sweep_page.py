"""The sweep page: a page of images is answered with keys alone, exceptions are marked, and no answer is lost."""

import csv
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import delete

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Predictions, SuggestionSource
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser

SIZE = 24


def make_project(path: Path, faces: Path) -> ProjectFolder:
    """A project whose faces are all predicted to wear no glasses, with probabilities that fall from name to name."""
    project = init_project(path)
    import_images(project, [faces], LIMITS)
    answers = {n: [0.97 - place / 400, 0.02, 0.01 + place / 400] for place, n in enumerate(names_of(project))}
    load_predictions(project, write_predictions(project, project.rounds / "1" / "predictions", answers))
    project.database.checkpoint()
    project.database.close()
    return project


@pytest.fixture(scope="module")
def _drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough drawn faces for two pages, whatever the split leaves of them."""
    folder = tmp_path_factory.mktemp("sweep")
    draw_faces(folder / "drawn", 64, size=64)
    return make_project(folder / "project", folder / "drawn").path


@pytest.fixture
def project(tmp_path: Path, _drawn: Path) -> Iterator[ProjectFolder]:
    """64 drawn faces with predictions; each test has a fresh copy."""
    shutil.copytree(_drawn, tmp_path / "project")
    made = ProjectFolder.open(tmp_path / "project")
    yield made
    made.database.close()


NEXT_IS_THERE = """() => {
    const name = Object.keys(sessionStorage).find((name) => name.endsWith('sweep'));
    const pages = JSON.parse(sessionStorage.getItem(name) ?? '{}').pages ?? [];
    const fetched = performance.getEntriesByType('resource').filter((entry) => entry.responseStatus > 0); // 0: it failed
    const loaded = new Set(fetched.map((entry) => new URL(entry.name).pathname));
    const images = pages.flatMap((page) => page.images);
    return pages.length > 1 && images.every((image) => loaded.has(image.thumbnail_url ?? image.image_url));
}"""
"""Whether the page holds the next page too, with its images."""


def open_sweep(page: Page, server: Server, attribute: str = "g") -> list[str]:
    page.goto(f"{server.url}/sweep")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    if attribute:
        before = page.locator("html").get_attribute("data-page")
        page.keyboard.press(attribute)
        turned(page, before)
    return shown(page)


def turned(page: Page, before: str | None) -> None:
    """Wait for another page than that one, until it can be answered."""
    page.wait_for_selector(f'html[data-state=ready]:not([data-page="{before}"])', state="attached")


def shown(page: Page) -> list[str]:
    """The names of the faces on the screen."""
    page.wait_for_selector("html[data-state=ready]", state="attached")
    return [face.get_attribute("title") or "" for face in page.locator(".face").all()]


def commit(page: Page) -> None:
    before = page.locator("html").get_attribute("data-page")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'html:not([data-page="{before}"])', state="attached")


def all_sent(page: Page) -> None:
    page.wait_for_selector('html[data-unsent="0"]', state="attached")


def glasses(project: ProjectFolder, to: Path) -> dict[str, str]:
    """The exported glasses of every image that has an answer."""
    export_snapshot(project, to, SnapshotOptions(), history=True)
    with (to / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row["image_name"]: row["glasses"] for row in csv.DictReader(file) if row["glasses"]}


def sweep_a_page_with_three_exceptions(page: Page, server: Server) -> tuple[list[str], dict[str, str]]:
    """By keys: the second face is left out, the ninth gets another value, of the tenth nobody can tell."""
    names = open_sweep(page, server)
    assert len(names) == SIZE
    for key in ("ArrowRight", "Space", "ArrowDown", "2", "ArrowRight", "-"):
        page.keyboard.press(key)
    assert page.locator(".face[aria-pressed=true]").count() == 3
    assert "21 none" in (page.locator("#count").text_content() or "")
    commit(page)
    expected = dict.fromkeys(names, "0") | {names[9]: "2", names[10]: "-1"}
    del expected[names[1]]
    return names, expected


def check_origins(history: Path, expected: dict[str, str]) -> None:
    lines = history.read_text().splitlines()
    for name, code in expected.items():
        origin = "suggestion" if code == "0" else "human"
        assert any(line.startswith(f"{name},glasses,{code},local,{origin},") for line in lines)


def test_a_page_of_drawn_faces_with_three_exceptions_is_exported(
    page: Page, project: ProjectFolder, tmp_path: Path
):
    with Server(project.path) as server:
        names, expected = sweep_a_page_with_three_exceptions(page, server)
        assert not set(shown(page)) & set(names)
        all_sent(page)
    assert glasses(project, tmp_path / "s") == expected
    check_origins(tmp_path / "s" / "annotations.csv", expected)
    assert not set(names) & set(names_of(project, split="test"))


@pytest.mark.shared
def test_a_page_of_real_faces_with_three_exceptions_is_exported(
    page: Page, tmp_path: Path, shared: Path, soak: bool
):
    if not soak:
        pytest.skip("the same on real faces: make soak")
    folder = tmp_path / "faces"
    folder.mkdir()
    for path in sorted((shared / "celeba" / "images").iterdir())[:70]:
        (folder / path.name).write_bytes(path.read_bytes())
    project = make_project(tmp_path / "project", folder)
    with Server(project.path) as server:
        _, expected = sweep_a_page_with_three_exceptions(page, server)
        all_sent(page)
    assert glasses(project, tmp_path / "s") == expected
    check_origins(tmp_path / "s" / "annotations.csv", expected)


def test_a_page_answered_while_the_server_is_down_arrives_once(
    page: Page, project: ProjectFolder, tmp_path: Path
):
    with Server(project.path) as server:
        names = open_sweep(page, server)
        page.keyboard.press("Space")
        page.wait_for_function(NEXT_IS_THERE)
        server.stop(signal.SIGKILL)
        commit(page)
        page.wait_for_selector('html[data-unsent="1"]', state="attached")
        second = shown(page)
        page.keyboard.press("1")
        server.start()
        page.reload()
        all_sent(page)
        assert shown(page) == second
        assert page.locator(".face[aria-pressed=true]").count() == 1
        commit(page)
        all_sent(page)
    expected = dict.fromkeys([*names[1:], *second], "0") | {second[0]: "1"}
    assert glasses(project, tmp_path / "s") == expected
    lines = (tmp_path / "s" / "annotations.csv").read_text().splitlines()[1:]
    assert len(lines) == len(expected)


def test_backspace_undoes_marks_and_then_the_page(page: Page, project: ProjectFolder, tmp_path: Path):
    with Server(project.path) as server:
        names = open_sweep(page, server)
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        page.keyboard.press("Backspace")
        assert page.locator(".face[data-mark=out]").count() == 1
        commit(page)
        before = page.locator("html").get_attribute("data-page")
        page.keyboard.press("Backspace")
        turned(page, before)
        assert shown(page) == names
        assert page.locator(".face[data-mark=out]").count() == 1
        page.keyboard.press("Space")
        commit(page)
        all_sent(page)
    assert glasses(project, tmp_path / "s") == dict.fromkeys(names, "0")


def test_shift_marks_a_range_by_keys_and_by_mouse(page: Page, project: ProjectFolder):
    with Server(project.path) as server:
        open_sweep(page, server)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("1")
        assert page.locator(".face[data-mark=given]").count() == 9
        faces = page.locator(".face")
        faces.nth(20).click()
        faces.nth(23).click(modifiers=["Shift"])
        assert page.locator(".face[data-mark=out]").count() == 4
        faces.nth(20).click()
        assert page.locator(".face[data-mark=out]").count() == 3


def test_without_predictions_one_value_is_chosen_for_all(page: Page, project: ProjectFolder, tmp_path: Path):
    with project.database.write() as session:
        session.execute(delete(SuggestionSource))
        session.execute(delete(Predictions))
    with Server(project.path) as server:
        names = open_sweep(page, server)
        page.keyboard.press("Enter")
        assert "choose the value" in (page.locator("#message").text_content() or "")
        page.keyboard.press("PageDown")
        page.keyboard.press("PageDown")
        commit(page)
        all_sent(page)
    assert glasses(project, tmp_path / "s") == dict.fromkeys(names, "1")


def test_after_the_last_page_another_value_can_be_swept(page: Page, project: ProjectFolder, tmp_path: Path):
    with Server(project.path) as server:
        open_sweep(page, server)
        while page.locator("html").get_attribute("data-state") != "done":
            commit(page)
            page.wait_for_selector("html:is([data-state=ready], [data-state=done])", state="attached")
        all_sent(page)
        page.keyboard.press("PageDown")
        page.wait_for_selector('#groups [data-code="1"][aria-pressed=true]')
        page.wait_for_selector("html[data-state=done]", state="attached")
    blind = set(names_of(project, split="test"))
    assert set(glasses(project, tmp_path / "s")) == set(names_of(project)) - blind


@pytest.mark.parametrize("size", ["24", "40"])
def test_the_whole_page_fits_a_laptops_screen(page: Page, project: ProjectFolder, size: str):
    with Server(project.path) as server:
        open_sweep(page, server, "")
        before = page.locator("html").get_attribute("data-page")
        page.select_option("#size", size)
        if size != "24":
            turned(page, before)
        assert len(shown(page)) == int(size)
        assert page.locator("html").evaluate("e => [e.scrollHeight, e.scrollWidth]") <= [768, 1366]
        sheet = page.locator(".sheet").evaluate("e => e.scrollHeight - e.clientHeight")
        assert sheet <= 0
