"""Reports in the browser: readable in light and in dark, without a request; the comparison sorts by a click."""

from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.chromium import open_context
from trainer.finetune.lr_finder import RateTest
from trainer.reports.comparison import write_comparison
from trainer.reports.rate_curve import write_rate_curve

pytestmark = pytest.mark.browser


def comparison(folder: Path) -> Path:
    choices = {"preprocess": "network", "crop": 1.0, "pretrained": False}
    rows = [
        {"choices": choices | {"network": name}, "parameters": parameters, "figures": {}, "error": ""}
        for name, parameters in (("middle", 900), ("small", 80), ("large", 7000))
    ]
    write_comparison(rows, folder)
    return folder / "comparison.html"


def rates(folder: Path) -> Path:
    steps = np.geomspace(1e-6, 1, 30)
    losses = 1 + np.sin(np.arange(30))
    write_rate_curve(RateTest(steps, losses, losses / 2), folder)
    return folder / "rates.html"


@pytest.mark.parametrize("write", [comparison, rates])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_accessible_and_makes_no_request(browser: Browser, write, scheme: str, tmp_path: Path):
    file = write(tmp_path)
    with open_context(browser, color_scheme=scheme) as context:
        page = context.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        assert Axe().run(page).response["violations"] == []
        assert requests == [file.as_uri()]


def test_a_chart_follows_the_colours_of_the_page(page: Page, tmp_path: Path):
    page.goto(rates(tmp_path).as_uri())
    line = page.locator("svg [style*='--series-1'][style*='fill: none']").first
    title = page.locator("svg text").first
    for scheme, stroke, fill in (
        ("light", "rgb(0, 114, 178)", "rgb(27, 31, 36)"),
        ("dark", "rgb(124, 192, 250)", "rgb(231, 235, 240)"),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(line).to_have_css("stroke", stroke)
        expect(title).to_have_css("fill", fill)


def test_a_comparison_is_sorted_by_a_click(page: Page, tmp_path: Path):
    page.goto(comparison(tmp_path).as_uri())
    names = page.locator("tbody td:first-child")
    expect(names).to_have_text(["middle", "small", "large"])
    heading = page.get_by_role("button", name="parameters")
    heading.click()
    expect(names).to_have_text(["large", "middle", "small"])
    heading.click()
    expect(names).to_have_text(["small", "middle", "large"])
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("parameters")
