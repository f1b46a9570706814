"""The page that fills cells with the model: the plan at a target, the running sample, the certificate, its undo; the label page's strip."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from annotator.project import ProjectFolder
from annotator.services.certificates.plan import Plans, plans_statistics
from annotator.services.common import cached_stats
from annotator.services.common.cached_stats import StatisticsCounter
from tests.support.browser.pages import axe_faults, wait_until_ready
from tests.support.browser.screens import PHONE, page_on, small_targets, sticking_out
from tests.support.projects.certificates import answer_sample, certifiable, compute_plans, fill, work
from tests.support.projects.labelling import lapse_leases
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def die_while_planning(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, plans: int) -> None:
    """Let a worker die after so many plans, the last of which pages do not know yet."""
    kind = plans_statistics(project)

    def steps(session: Session) -> Iterator[Plans]:
        for known in kind.steps(session):
            yield known
            if known.planned == plans:
                raise KeyboardInterrupt

    monkeypatch.setattr(cached_stats, "SHOWN_AFTER", 0)
    with pytest.raises(KeyboardInterrupt):
        StatisticsCounter(project, (replace(kind, steps=steps),)).run_step()


def test_an_attribute_is_filled_and_opened_again_with_keys(
    page: Page, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    project = certifiable(tmp_path / "project")
    with Server(project.path) as server:
        page.goto(f"{server.url}/fill")
        wait_until_ready(page)
        expect(page.locator("#message")).to_have_text(
            "The worker has not computed the plans yet. This page shows them as soon as it has."
        )
        expect(page.locator("#target")).to_be_hidden()
        die_while_planning(project, monkeypatch, 5)
        expect(page.locator("#planning")).to_have_text("The worker makes the plans. 4 of 18 plans")
        expect(page.locator("#counted")).to_be_hidden()
        compute_plans(project)
        expect(page.locator("#counted")).to_be_visible()
        expect(page.locator("#planning")).to_be_hidden()
        card = page.locator("article[data-attribute=glasses]")
        expect(card).to_contain_text("open ones with a suggestion")

        slider = page.get_by_role("slider")
        slider.focus()
        for _ in range(4):
            slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", "10 %")
        page.get_by_label("Of the images of each value").select_option("no minimum")
        expect(card).to_contain_text("At 10 % error, about")
        card.get_by_role("button", name="Start the acceptance sample").press("Enter")
        expect(card.locator(".badge")).to_have_text("being prepared")

        work(project)
        expect(card.locator(".badge")).to_have_text("being sampled")
        expect(card.get_by_role("progressbar")).to_have_attribute("value", "0")
        strip = page.context.new_page()
        strip.goto(server.url)
        expect(strip.locator(".loop-filling")).to_have_text(
            "Glasses: about 0 % of the acceptance sample is answered."
        )
        strip.close()

        lapse_leases(project)  # of the label page
        answer_sample(project, 1)
        expect(card.locator(".badge")).to_have_text("certified")
        expect(card.locator(".certified")).to_contain_text("Target: 10 % error.")
        rest = page.context.new_page()
        rest.goto(f"{server.url}/fill")
        rest.get_by_role("link", name="Answer its other open cells").click()
        rest.wait_for_url("**/sweep?attribute=glasses")
        rest.close()
        with page_on(browser, PHONE, bypass_csp=True, color_scheme="dark") as phone:
            phone.goto(f"{server.url}/fill")
            wait_until_ready(phone)
            assert sticking_out(phone) + small_targets(phone) + axe_faults(phone) == []
        card.get_by_role("button", name="Undo: open these cells again").press("Enter")
        expect(card.locator(".ended-ones")).to_contain_text("1 ended certificate")
        expect(card.locator(".certified")).to_have_count(0)
    project.database.close()


def test_the_label_page_says_which_cell_the_model_has_filled(page: Page, tmp_path: Path):
    project = certifiable(tmp_path / "project")
    fill(project)
    with Server(project.path) as server:
        page.goto(server.url)
        row = page.locator(".attribute[data-attribute=glasses]")
        expect(row.locator(".note")).to_have_text("filled by the model")
        expect(page.locator(".attribute[data-attribute=hair_color] .note")).to_have_text("")
    project.database.close()
