"""Clearing a cell on the page of an image."""

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.projects.labelling import answer_images, labels_of
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_a_reviewer_clears_a_cell_and_undoes_it(page: Page, filled: ProjectFolder, server: Server):
    _, [image] = answer_images(filled, 1)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.url}/browse/{image}")
    page.get_by_role("button", name="Clear Glasses").click()
    page.get_by_text("Cleared: the cell is open again.").wait_for()
    assert "glasses" not in labels_of(filled, image)
    page.get_by_role("button", name="Undo the last change").click()
    page.locator("#message", has_text="Undone.").wait_for()
    assert labels_of(filled, image)["glasses"] == 2
