"""Metrics that explain themselves, the page of words, and why a value is suggested: with the mouse, the keyboard and a finger."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.services.rounds.loading import load_predictions
from tests.support.browser.chromium import open_context
from tests.support.browser.label_page import shown_image
from tests.support.browser.pages import axe_faults, wait_until_ready
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import LIMITS, import_images, names_of
from tests.support.projects.round_results import add_round_with_errors, answer_audit_set
from tests.support.serving import Server

pytestmark = pytest.mark.browser

BUBBLE = ".explanation:popover-open"


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone, into which axe can be injected."""
    size = {"width": 390, "height": 844}
    with open_context(browser, viewport=size, has_touch=True, is_mobile=True, bypass_csp=True) as context:
        opened = context.new_page()
        yield opened


def test_a_metric_tells_its_number_with_mouse_keyboard_and_finger(
    page: Page, phone: Page, filled: ProjectFolder
):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10, labels=100)
    add_round_with_errors(filled, truth, 2, labels=200)
    with Server(filled.path) as server:
        page.goto(f"{server.url}/insights")
        wait_until_ready(page)
        metric = page.locator("#overview tr[data-attribute=glasses] [data-word='balanced accuracy']")
        expect(metric).to_have_attribute("aria-description", re.compile("Guessing would get .33."))
        hundred = round(100 * float(metric.locator("b").inner_text()))
        sentence = f"of 100 faces of each value, the model gets about {hundred} right on average."
        metric.hover()
        expect(page.locator(BUBBLE)).to_contain_text(sentence)
        expect(page.locator(BUBBLE)).to_contain_text("With 95 % confidence, the true number is between")
        page.keyboard.press("Escape")
        expect(page.locator(BUBBLE)).to_have_count(0)
        page.locator("#overview tr[data-attribute=glasses] a").focus()
        page.keyboard.press("Tab")
        expect(metric).to_be_focused()
        expect(page.locator(BUBBLE)).to_contain_text(sentence)
        page.mouse.move(0, 0)
        page.keyboard.press("Tab")
        expect(page.locator(BUBBLE)).not_to_contain_text(sentence)
        phone.goto(f"{server.url}/insights")
        wait_until_ready(phone)
        phone.locator("#tiles [data-word=advice]").tap()
        expect(phone.locator(BUBBLE)).to_contain_text(
            "whether more labels of an attribute are worth the work"
        )
        box = phone.locator(BUBBLE).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert axe_faults(phone) == []
        phone.locator("h1").first.tap()
        expect(phone.locator(BUBBLE)).to_have_count(0)
        sizes = [metric.bounding_box() for metric in phone.locator(".tile .explained").all()]
        assert min(size["height"] for size in sizes if size) >= 44


def test_the_page_of_words_fits_a_phone_and_shows_the_examples(phone: Page, server: Server):
    phone.goto(f"{server.url}/words")
    examples = phone.locator("#attribute-freckles img")
    assert examples.count() == 2
    examples.last.scroll_into_view_if_needed()
    assert examples.last.evaluate("image => image.decode().then(() => image.naturalWidth)") == 224
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.locator("#balanced-accuracy dd").inner_text().startswith("the mean of the recalls")


def test_why_is_asked_by_key_and_by_finger_and_answered_truly(page: Page, phone: Page, filled: ProjectFolder):
    guessed = {name: [0.15, 0.8, 0.05] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    with Server(filled.path) as server:
        page.goto(server.url)
        shown_image(page)
        page.keyboard.press("g")
        page.keyboard.press("y")
        page.wait_for_selector("#why[open][data-state=answered]")
        said = page.locator("#why").inner_text()
        assert "Why this suggestion? Glasses" in said
        assert (
            "The imported predictions say glasses with 80\u00a0%; then none 15\u00a0%, sunglasses 5\u00a0%."
            in said
        )
        assert "the project has no model that could be asked" in said
        page.keyboard.press("y")
        page.wait_for_selector("#why:not([open])", state="attached")
        page.keyboard.press("h")
        page.keyboard.press("y")
        expect(page.locator("#why")).to_contain_text("No model suggests a value for this attribute")
        page.keyboard.press("Escape")
        # The close event of the first question comes when the second one is asked already.
        page.evaluate(
            "for (const key of ['g', 'y', 'y', 'y'])"
            " document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))"
        )
        page.wait_for_selector("#why[open][data-state=answered]")
        page.keyboard.press("y")
        page.keyboard.press("p")
        expect(page.locator("[data-attribute=identity] input")).to_be_focused()
        page.keyboard.type("yara")  # in a name, the letter is a letter
        expect(page.locator("[data-attribute=identity] input")).to_have_value("yara")
        assert page.locator("#why[open]").count() == 0
        phone.goto(server.url)
        shown_image(phone)
        phone.locator("[data-attribute=glasses] .name").tap()
        phone.locator(".more-button").tap()
        phone.locator("#more [data-command=why]").tap()
        phone.wait_for_selector("#why[open][data-state=answered]")
        phone.locator("#why .explained").tap()
        expect(phone.locator(BUBBLE)).to_contain_text("about 80 of 100 such answers are right")
        assert axe_faults(phone) == []
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_letter_of_an_attribute_is_not_shown_as_the_letter_of_why(
    page: Page, tmp_path: Path, faces: Path
):
    schema = tmp_path / "young.toml"
    schema.write_text(
        'version = 1\n[[attribute]]\nname = "young"\ntitle = "Young"\nkey = "y"\n'
        'values = [{ code = 0, name = "no" }, { code = 1, name = "yes" }]\n'
    )
    project = init_project(tmp_path / "young", schema)
    import_images(project, [faces], LIMITS)
    with Server(project.path) as server:
        page.goto(server.url)
        wait_until_ready(page)
        expect(page.locator("#more [data-command=why]")).to_be_visible()
        expect(page.locator("#more [data-command=why] kbd")).to_be_hidden()
