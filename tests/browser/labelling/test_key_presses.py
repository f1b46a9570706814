"""The number of key presses that an image costs, counted on real faces."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.label_page import CODES_PRESSED, image_name, shown_image, wait_until_sent
from tests.support.predictions_folder import write_cells
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.projects.snapshots import exported_labels
from tests.support.serving import Server

pytestmark = pytest.mark.browser

KEYS = {
    "wrinkles": "w",
    "freckles": "f",
    "glasses": "g",
    "hair_color": "c",
    "hair_top": "t",
    "not_human": "h",
}
Answers = dict[str, dict[str, int]]


class Labeller:
    """Presses keys and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.presses += 1

    def switch(self, attribute: str) -> None:
        """Press the letter of an attribute, and see its suggestion replaced."""
        self.press(KEYS[attribute])
        self.page.wait_for_selector(f"[data-attribute={attribute}] .replaced")

    def gone(self, image: str) -> int:
        """How many presses it took until the image was finished."""
        self.page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
        counted, self.presses = self.presses, 0
        return counted


@pytest.fixture(params=["drawn", pytest.param("real", marks=pytest.mark.shared)])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, faces: Path, shared: Path, soak: bool
) -> ProjectFolder:
    """A project of 10 drawn or 50 real faces to be labelled (and some of the test split beside them)."""
    if request.param == "real" and not soak:
        pytest.skip("the same on real faces: make soak")
    count = 50 if request.param == "real" else 10
    source = faces if request.param == "drawn" else shared / "celeba" / "images"
    made = init_project(tmp_path / "project")
    paths = sorted(path for path in source.iterdir() if path.suffix == ".jpg")
    folder = tmp_path / "faces"
    folder.mkdir()
    for path in paths[: 2 * count]:
        shutil.copyfile(path, folder / path.name)
    import_images(made, [folder], LIMITS)
    return made


def truth(project: ProjectFolder, seed: int) -> Answers:
    """What the labeller sees on each image that may have suggestions; "no face" would end an image early."""
    chance = random.Random(seed)
    names = sorted(set(names_of(project)) - set(names_of(project, split="test")))
    return {name: {a: chance.randrange(count) for a, count in CODES_PRESSED.items()} for name in names}


def suggest(project: ProjectFolder, answers: Answers, wrong: dict[str, list[str]]) -> None:
    """Predictions that are right, but for some cells of some images, where the right value is the second one."""
    counts = CODES_PRESSED | {"not_human": 2}
    cells = {}
    for name, given in answers.items():
        cells[name] = {}
        for attribute, count in counts.items():
            probabilities = [0.1 / (count - 1)] * count
            first = given[attribute]
            if attribute in wrong.get(name, []):
                first = (given[attribute] + 1) % count
                probabilities[given[attribute]] = 0.3
            probabilities[first] = 1 - sum(p for code, p in enumerate(probabilities) if code != first)
            cells[name][attribute] = probabilities
    load_predictions(project, write_cells(project, project.rounds / "1" / "predictions", cells))


@contextmanager
def labelling(page: Page, project: ProjectFolder) -> Iterator[Labeller]:
    project.database.close()
    with Server(project.path) as server:
        page.goto(server.url)
        yield Labeller(page)
        wait_until_sent(page)


def suggested(page: Page) -> bool:
    return page.locator(".value.suggested").count() > 0


def label_blind(labeller: Labeller, answers: dict[str, int]) -> int:
    image = shown_image(labeller.page)
    for code in answers.values():
        labeller.press(str(code))
    return labeller.gone(image)


def written(project: ProjectFolder, to: Path) -> dict[str, dict[str, str]]:
    return {name: row for name, row in exported_labels(project.path, to).items() if row}


def text(answers: Answers) -> dict[str, dict[str, str]]:
    return {name: {a: str(code) for a, code in row.items()} for name, row in answers.items()}


def test_without_suggestions_six_attributes_take_six_presses(
    page: Page, project: ProjectFolder, tmp_path: Path
):
    count = len(names_of(project)) // 2
    chance = random.Random(1)
    pressed: Answers = {}
    with labelling(page, project) as labeller:
        for _ in range(count):
            shown_image(page)
            answers = {attribute: chance.randrange(values) for attribute, values in CODES_PRESSED.items()}
            pressed[image_name(page)] = answers
            assert label_blind(labeller, answers) == 6
    assert len(pressed) == count
    assert written(project, tmp_path / "s") == text(pressed)


def test_correct_suggestions_take_one_press_and_each_incorrect_one_takes_one_more(
    page: Page, project: ProjectFolder, tmp_path: Path
):
    answers = truth(project, seed=2)
    chance = random.Random(3)
    wrong = {name: chance.sample(list(KEYS), chance.choice([0, 0, 1, 2, 3])) for name in answers}
    wrong = {name: [a for a in some if a != "not_human"] for name, some in wrong.items()}
    suggest(project, answers, wrong)
    count = len(names_of(project)) // 2
    seen: Answers = {}
    with labelling(page, project) as labeller:
        while len(seen) < count:
            image = shown_image(page)
            name = image_name(page)
            if not suggested(page):  # of the test split, and so labelled blind
                label_blind(labeller, dict.fromkeys(KEYS, 0))
                continue
            for attribute in wrong[name]:
                labeller.switch(attribute)
            labeller.press("Enter")
            assert labeller.gone(image) == 1 + len(wrong[name])
            seen[name] = answers[name]
    found = written(project, tmp_path / "s")
    assert {name: found[name] for name in seen} == text(seen)


def test_the_origin_distinguishes_accepted_suggestions_from_corrections(
    page: Page, filled: ProjectFolder, tmp_path: Path
):
    answers = truth(filled, seed=4)
    suggest(filled, answers, {name: ["glasses"] for name in answers})
    with labelling(page, filled) as labeller:
        while True:
            image = shown_image(page)
            if suggested(page):
                break
            label_blind(labeller, dict.fromkeys(KEYS, 0))
        name = image_name(page)
        labeller.switch("glasses")
        labeller.press("Enter")
        labeller.gone(image)
    export_snapshot(filled, tmp_path / "s", SnapshotOptions(), history=True)
    history = (tmp_path / "s" / "annotations.csv").read_text()
    assert f"{name},glasses,{answers[name]['glasses']},local,human," in history
    assert f"{name},hair_top,{answers[name]['hair_top']},local,suggestion," in history
