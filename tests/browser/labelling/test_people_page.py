"""The people pages: keys name, except, rename, merge and undo."""

import csv
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from tests.support.face_descriptors import describe
from tests.support.projects.images import names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>=1+1"


@pytest.fixture
def described(filled: ProjectFolder) -> ProjectFolder:
    """40 drawn faces: 20 of one person, 12 of another, 8 of a third."""
    names = names_of(filled)
    people = dict.fromkeys(names[:20], 0) | dict.fromkeys(names[20:32], 1) | dict.fromkeys(names[32:], 2)
    describe(filled, people)
    return filled


def open_people(page: Page, server: Server) -> list[str]:
    page.goto(f"{server.url}/people")
    return shown(page)


def shown(page: Page) -> list[str]:
    """The names of the faces on the screen."""
    page.wait_for_selector("html[data-state=ready]", state="attached")
    return [face.get_attribute("title") or "" for face in page.locator(".face").all()]


def press(page: Page, *keys: str) -> None:
    """Press keys, of which the last one answers the set, and wait for another one."""
    before = page.locator("html").get_attribute("data-set")
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(f'html:not([data-set="{before}"])', state="attached")


def name(page: Page, person: str) -> None:
    page.keyboard.press("n")
    page.keyboard.type(person)
    press(page, "Enter")


def all_sent(page: Page) -> None:
    page.wait_for_selector('html[data-unsent="0"]', state="attached")


def people(project: ProjectFolder, to: Path) -> dict[str, str]:
    """The exported person of every image that has one, by name."""
    export_snapshot(project, to, SnapshotOptions(names=True))
    with (to / "labels.csv").open(newline="", encoding="utf-8") as file:
        return {row["image_name"]: row["identity"] for row in csv.DictReader(file) if row["identity"]}


def test_sets_are_named_by_keys_with_exceptions_left_out(
    page: Page, described: ProjectFolder, tmp_path: Path
):
    with Server(described.path) as server:
        first = open_people(page, server)
        assert len(first) == 20
        for key in ("Space", "ArrowRight", "-", "ArrowRight", "0"):
            page.keyboard.press(key)
        name(page, "Ada")
        second = shown(page)
        assert len(second) == 12
        press(page, "Enter", "Enter")  # a new person without a name
        third = shown(page)
        assert len(third) == 8
        name(page, HOSTILE)
        all_sent(page)
        assert shown(page) == first[:1]
        page.wait_for_selector("#nearest li >> nth=1")
        assert HOSTILE in page.locator("#nearest").inner_text()
        assert page.locator("#nearest img[onerror]").count() == 0
        assert "Ada" not in page.locator("#nearest").inner_text()  # it was said not to be her
        person = page.locator("#nearest button", has_text=HOSTILE).locator("kbd").first.inner_text()
        page.keyboard.press(person)
        page.wait_for_selector("html[data-state=done]", state="attached")
        all_sent(page)
    expected = dict.fromkeys(first[3:], "Ada") | dict.fromkeys(third, HOSTILE) | {first[0]: HOSTILE}
    expected |= {first[1]: "can't tell", first[2]: "unknown person"}
    found = people(described, tmp_path / "s")
    assert {image: found.pop(image) for image in expected} == {
        k: v.replace("=1+1", "=1+1") for k, v in expected.items()
    }
    assert set(found) == set(second)
    [number] = set(found.values())
    assert number.startswith("Person ")


def test_undo_restores_a_set_with_its_exceptions_and_a_skipped_set_stays_hidden(
    page: Page, described: ProjectFolder, tmp_path: Path
):
    with Server(described.path) as server:
        first = open_people(page, server)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+End")
        page.keyboard.press("Space")  # all but the first
        name(page, "Ada")
        all_sent(page)
        page.keyboard.press("u")
        page.wait_for_selector(".face[data-mark=out]")
        assert shown(page) == first
        assert page.locator(".face[data-mark=out]").count() == 19
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+End")
        page.keyboard.press("Space")
        assert page.locator(".face[data-mark=out]").count() == 0
        name(page, "Grace")
        shown(page)
        press(page, "s")
        assert len(shown(page)) == 8
        all_sent(page)
        page.reload()
        assert len(shown(page)) == 8
    assert people(described, tmp_path / "s") == dict.fromkeys(first, "Grace")


def test_a_set_named_while_the_server_is_down_arrives_once(
    page: Page, described: ProjectFolder, tmp_path: Path
):
    with Server(described.path) as server:
        first = open_people(page, server)
        page.wait_for_function("() => performance.getEntriesByType('resource').length > 0")
        server.stop(signal.SIGKILL)
        name(page, "Ada")
        page.wait_for_selector('html[data-unsent="1"]', state="attached")
        server.start()
        all_sent(page)
        assert len(shown(page)) == 12
    assert people(described, tmp_path / "s") == dict.fromkeys(first, "Ada")


def test_people_are_renamed_merged_and_separated_again_by_keys(
    page: Page, described: ProjectFolder, tmp_path: Path
):
    with Server(described.path) as server:
        first = open_people(page, server)
        name(page, "Ada")
        second = shown(page)
        name(page, "Ada L.")
        all_sent(page)
        page.goto(f"{server.url}/people/all")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        page.keyboard.press("/")
        page.keyboard.type("ada")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector("#person:not([hidden])")
        page.locator("#new-name").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("Ada Lovelace")
        page.keyboard.press("Enter")
        page.wait_for_selector("#person-name >> text=Ada Lovelace")
        page.wait_for_selector("#changes >> text=renamed from Ada to Ada Lovelace")
        page.locator("#resembling button").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#merge[open]")
        assert page.locator("#from-gallery a").count() == 20
        assert page.locator("#into-gallery a").count() == 12
        page.locator("#merge-turn").press("Enter")
        page.wait_for_selector("#merge-text >> text=Ada Lovelace")
        page.locator("#merge-yes").press("Enter")
        page.wait_for_selector("#person-images >> text=32 images")
        assert people(described, tmp_path / "s") == dict.fromkeys(first + second, "Ada Lovelace")
        page.locator("#person-name").evaluate("() => document.activeElement.blur()")
        page.keyboard.press("u")
        page.wait_for_selector("#person-images >> text=20 images")
        page.keyboard.press("u")
        page.wait_for_selector("#changes [data-undone=true] >> text=renamed from Ada to Ada Lovelace")
    expected = dict.fromkeys(first, "Ada") | dict.fromkeys(second, "Ada L.")
    assert people(described, tmp_path / "s2") == expected


def test_the_whole_set_fits_a_laptops_screen(page: Page, described: ProjectFolder):
    with Server(described.path) as server:
        open_people(page, server)
        assert page.locator("html").evaluate("e => [e.scrollHeight, e.scrollWidth]") <= [768, 1366]
        assert page.locator(".sheet").evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_without_described_faces_the_page_says_what_to_wait_for(page: Page, server: Server):
    page.goto(f"{server.url}/people")
    page.wait_for_selector("html[data-state=empty]", state="attached")
    assert "in the background" in page.locator("main").inner_text()
