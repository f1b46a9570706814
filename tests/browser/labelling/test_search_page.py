"""The search for one value on the sweep page: a link opens it, clicks say which faces are not it, and it says how much is found."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from annotator.models import Label, SearchedImage
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, image_of, import_images, names_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """64 drawn faces; the last third probably wears sunglasses."""
    draw_faces(tmp_path / "drawn", 64, size=64)
    made = init_project(tmp_path / "project")
    import_images(made, [tmp_path / "drawn"], LIMITS)
    answers = {
        name: [0.1, 0.05, 0.85] if place > 42 else [0.95 - place / 900, 0.03, 0.02 + place / 900]
        for place, name in enumerate(names_of(made))
    }
    load_predictions(made, write_predictions(made, made.rounds / "1" / "predictions", answers))
    made.database.checkpoint()
    made.database.close()
    return made


def confirm(page: Page) -> None:
    before = page.locator("html").get_attribute("data-page")
    page.keyboard.press("Enter")
    page.wait_for_selector(f'html[data-state]:not([data-page="{before}"])', state="attached")
    page.wait_for_selector('html[data-unsent="0"]', state="attached")


def test_a_value_is_searched_with_clicks_and_one_key(page: Page, project: ProjectFolder):
    with Server(project.path) as server:
        page.goto(f"{server.url}/sweep?attribute=glasses&value=2&order=find")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        expect(page.locator("#search")).to_have_text("0 images of “sunglasses” so far.")
        expect(page.locator("#order")).to_have_value("find")
        first = page.locator(".face").first
        wrong = first.get_attribute("title") or ""
        first.click()
        expect(first.locator(".mark")).to_have_text("not sunglasses")
        expect(page.locator("#count")).to_have_text("23 sunglasses · 1 not sunglasses")
        confirm(page)
        said = re.compile(r"About \d+ % of “sunglasses” are found \(\d+–\d+ %\): \d+ images")
        expect(page.locator("#search")).to_have_text(said)
        expect(page.locator("#search")).to_contain_text("Click the faces that are “sunglasses”.")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        page.locator(".face").nth(2).click()
        expect(page.locator("#count")).to_contain_text("1 sunglasses")
        confirm(page)
        page.keyboard.press("Backspace")
        expect(page.locator("#message")).to_have_text("The last page is back, with its marks.")
        expect(page.locator("#count")).to_contain_text("1 sunglasses")
        page.wait_for_selector('html[data-unsent="0"]', state="attached")
        confirm(page)
    opened = ProjectFolder.open(project.path)
    with opened.database.read() as session:
        labels = session.scalars(select(Label.code)).all()
        ruled_out = session.scalars(select(SearchedImage).where(SearchedImage.member.is_(False))).all()
    wrong_id = image_of(opened, wrong)
    opened.database.close()
    assert set(labels) == {2}
    assert len(labels) == 24
    assert len(ruled_out) == 24
    assert wrong_id in {row.image_id for row in ruled_out}
