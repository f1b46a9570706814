"""The label page: images are answered with keys alone, and no answer is lost."""

import random
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import image_name, press_answers, shown_image, wait_until_sent
from tests.support.browser.outages import SUPPLIED
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def label_with_a_killed_server(
    page: Page, server: Server, count: int, seed: int
) -> dict[str, dict[str, str]]:
    """Label `count` images by keys; the server is killed twice on the way, once in the middle of an image."""
    chance = random.Random(seed)
    pressed: dict[str, dict[str, str]] = {}
    page.goto(server.url)
    for number in range(count):
        if number == count // 3:
            page.wait_for_function(SUPPLIED, arg=3)  # it answers three without the server
            server.stop(signal.SIGKILL)
        if number == count // 3 + 3:
            server.start()
        if number == 2 * count // 3:
            image = shown_image(page)
            page.keyboard.press("1")
            server.stop(signal.SIGKILL)
            server.start()
            page.reload()
            assert shown_image(page) == image
            page.wait_for_selector('[data-attribute=wrinkles] [data-code="1"][aria-pressed=true]')
            page.keyboard.press("w")
        name, answers = press_answers(page, chance)
        assert name not in pressed
        pressed[name] = answers
    wait_until_sent(page)
    return pressed


def test_twenty_drawn_faces_answered_by_keys_are_exported_exactly_as_pressed(
    page: Page, server: Server, tmp_path: Path
):
    pressed = label_with_a_killed_server(page, server, 20, seed=1)
    found = exported_labels(server.project, tmp_path / "s")
    assert {name: row for name, row in found.items() if row} == pressed


@pytest.mark.shared
def test_twenty_real_faces_answered_by_keys_are_exported_exactly_as_pressed(
    page: Page, shared: Path, soak: bool, tmp_path: Path
):
    if not soak:
        pytest.skip("the same on real faces: make soak")
    folder = tmp_path / "faces"
    folder.mkdir()
    for path in sorted((shared / "celeba" / "images").iterdir())[:40]:
        (folder / path.name).write_bytes(path.read_bytes())
    project = init_project(tmp_path / "project")
    import_images(project, [folder], LIMITS)
    project.database.close()
    with Server(project.path) as server:
        pressed = label_with_a_killed_server(page, server, 20, seed=2)
    found = exported_labels(project.path, tmp_path / "s")
    assert {name: row for name, row in found.items() if row} == pressed


def test_enter_accepts_the_suggestions_and_a_digit_corrects_one(
    page: Page, filled: ProjectFolder, tmp_path: Path
):
    sure = {name: [0.01, 0.97, 0.02] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", sure))
    with Server(filled.path) as server:
        page.goto(server.url)
        names = []
        for correction in (None, "2"):
            image = shown_image(page)
            names.append(image_name(page))
            assert "97" in page.locator("[data-attribute=glasses]").inner_text()
            if correction:
                page.keyboard.press("g")
                page.keyboard.press(correction)
            page.keyboard.press("Enter")  # takes the suggestion; the attributes without one are asked next
            for key, digit in (("w", "0"), ("f", "1"), ("c", "3"), ("t", "2"), ("h", "0")):
                page.keyboard.press(key)
                page.keyboard.press(digit)
            page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
        wait_until_sent(page)
    export_snapshot(filled, tmp_path / "s", SnapshotOptions(), history=True)
    history = (tmp_path / "s" / "annotations.csv").read_text()
    assert re.search(rf"^{names[0]},glasses,1,\w+,suggestion,", history, re.MULTILINE)
    assert re.search(rf"^{names[1]},glasses,2,\w+,human,", history, re.MULTILINE)


def test_backspace_returns_to_earlier_images_and_the_correction_counts(
    page: Page, server: Server, tmp_path: Path
):
    page.goto(server.url)
    chance = random.Random(3)
    images = []
    for _ in range(3):
        images.append(shown_image(page))
        name, answers = press_answers(page, chance)
        if len(images) == 2:
            corrected, expected = name, answers
    for image in reversed(images[1:]):
        page.keyboard.press("Backspace")
        page.wait_for_selector(f'html[data-image-id="{image}"]', state="attached")
    page.keyboard.press("g")
    wanted = str((int(expected["glasses"]) + 1) % 3)
    page.keyboard.press(wanted)
    page.wait_for_selector(f'html:not([data-image-id="{images[1]}"])', state="attached")
    wait_until_sent(page)
    found = exported_labels(server.project, tmp_path / "s")
    assert found[corrected] == expected | {"glasses": wanted}
    assert sum(bool(row) for row in found.values()) == 2


def test_keys_answer_cannot_tell_skip_no_face_and_a_new_person(page: Page, server: Server, tmp_path: Path):
    page.goto(server.url)
    names = []
    for keys in (["-", "p", "Ada", "Enter", "0", "0", "0", "0", "0"], ["Space"], ["h", "1"]):
        image = shown_image(page)
        names.append(image_name(page))
        for key in keys:
            if len(key) > 1 and key not in {"Enter", "Space"}:
                page.keyboard.type(key)
            else:
                page.keyboard.press(key)
        page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    wait_until_sent(page)
    found = exported_labels(server.project, tmp_path / "s")
    assert found[names[0]]["wrinkles"] == "-1"
    assert found[names[0]]["identity"] == "0"
    assert found[names[1]] == {}
    assert found[names[2]] == {"not_human": "1"}


def test_everything_fits_a_laptops_screen(page: Page, server: Server):
    page.goto(server.url)
    shown_image(page)
    assert page.locator("html").evaluate("e => [e.scrollHeight, e.scrollWidth]") <= [768, 1366]
    boxes = [row.bounding_box() for row in page.locator("[data-attribute]").all()]
    assert len(boxes) == 7
    assert all(box and box["y"] >= 0 and box["y"] + box["height"] <= 768 for box in boxes)


def test_a_script_in_a_name_is_text(page: Page, tmp_path: Path, faces: Path):
    folder = tmp_path / "faces"
    folder.mkdir()
    hostile = "<img src=x onerror=document.title='owned'>.jpg"
    (folder / hostile).write_bytes((faces / "0001.jpg").read_bytes())
    project = init_project(tmp_path / "project")
    import_images(project, [folder], LIMITS)
    project.database.close()
    with Server(project.path) as server:
        page.goto(server.url)
        shown_image(page)
        assert image_name(page) == hostile
        assert "owned" not in page.title()


def test_the_page_says_when_everything_is_done(page: Page, tmp_path: Path, faces: Path):
    project = init_project(tmp_path / "project")
    import_images(project, [faces / "0001.jpg"], LIMITS)
    project.database.close()
    with Server(project.path) as server:
        page.goto(server.url)
        shown_image(page)
        for digit in "000000":
            page.keyboard.press(digit)
        page.wait_for_selector("html[data-state=done]", state="attached")


def test_snapshots_are_made_from_the_page(page: Page, server: Server):
    page.goto(f"{server.url}/snapshots")
    page.get_by_role("button", name="snapshot").click()
    page.wait_for_selector("[data-snapshot]")
    assert len(list((server.project / "snapshots").iterdir())) == 1
