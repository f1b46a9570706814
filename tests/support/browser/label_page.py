"""The label page as a labeller uses it, by the keyboard."""

import random

from playwright.sync_api import Page

CODES_PRESSED = {"wrinkles": 2, "freckles": 2, "glasses": 3, "hair_color": 9, "hair_top": 4, "not_human": 1}
"""The number of codes of each attribute that tests press; "no face" is left out because it ends the image early."""


def shown_image(page: Page) -> str:
    """The id of the image on the screen, once it can be answered."""
    page.wait_for_selector("html[data-state=ready]", state="attached")
    return page.locator("html").get_attribute("data-image-id") or ""


def image_name(page: Page) -> str:
    return page.locator("#image-name").text_content() or ""


def press_answers(page: Page, chance: random.Random) -> tuple[str, dict[str, str]]:
    """Answer the image on the screen with digit keys; returns its name and the digits by attribute."""
    image = shown_image(page)
    name = image_name(page)
    answers = {attribute: str(chance.randrange(count)) for attribute, count in CODES_PRESSED.items()}
    for digit in answers.values():
        page.keyboard.press(digit)
    page.wait_for_selector(f'html:not([data-image-id="{image}"])', state="attached")
    return name, answers


def wait_until_sent(page: Page) -> None:
    page.wait_for_selector('html[data-unsent="0"]', state="attached")
