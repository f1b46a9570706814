"""The label page as a labeller uses it: by keys."""

import random

from playwright.sync_api import Page

VALUES = {"wrinkles": 2, "freckles": 2, "glasses": 3, "hair_color": 9, "hair_top": 4, "not_human": 1}
"""How many of each attribute's codes the tests press; "no face" would end the image early."""


def shown(page: Page) -> str:
    """The image on the screen, once it can be answered."""
    page.wait_for_selector("html[data-state=ready]", state="attached")
    return page.locator("html").get_attribute("data-image-id") or ""


def image_name(page: Page) -> str:
    return page.locator("#image-name").text_content() or ""


def press_answers(page: Page, chance: random.Random) -> tuple[str, dict[str, str]]:
    """Answer the image on the screen by digits; returns its name and what was pressed."""
    image = shown(page)
    name = image_name(page)
    answers = {attribute: str(chance.randrange(count)) for attribute, count in VALUES.items()}
    for digit in answers.values():
        page.keyboard.press(digit)
    page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    return name, answers


def all_sent(page: Page) -> None:
    page.wait_for_selector('html[data-unsent="0"]', state="attached")
