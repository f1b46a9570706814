"""The network, the server, the login or the tab fails while a user labels: each answer arrives once and in order."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from annotator.services.accounts import set_password
from tests.support.browser.label_page import press_answers, shown_image, wait_until_sent
from tests.support.browser.outages import SUPPLIED, Pressed, assert_arrived_once_and_in_order
from tests.support.browser.pages import log_in
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.projects.images import LIMITS, draw_plain_images, import_images
from tests.support.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

AWAY = 5
"""Images answered in one outage: as many as a page always has ahead."""


@pytest.fixture
def plain(project: ProjectFolder, tmp_path: Path, soak: bool) -> ProjectFolder:
    """A project with enough images for every outage."""
    draw_plain_images(tmp_path / "images", 400 if soak else 40)
    import_images(project, [tmp_path / "images"], LIMITS)
    return project


@pytest.fixture
def outages(soak: bool) -> int:
    """50 answers are given in outages, or a tenth of them."""
    return 10 if soak else 1


@pytest.fixture
def page(page: Page) -> Page:
    """A page that remembers every image it fetched."""
    page.context.add_init_script("performance.setResourceTimingBufferSize(10_000)")
    return page


def answer_in_an_outage(page: Page, chance: random.Random, go_away: Callable[[], None]) -> Pressed:
    """Answer what the page has ahead while something is away; the page says how many answers wait."""
    shown_image(page)
    wait_until_sent(page)
    page.wait_for_function(SUPPLIED, arg=AWAY)
    go_away()
    pressed = [press_answers(page, chance) for _ in range(AWAY)]
    page.wait_for_selector(f'html[data-unsent="{AWAY}"]', state="attached")
    page.get_by_text(f"{AWAY} answers are waiting for the server; this browser keeps them.").wait_for()
    return pressed


def test_answers_survive_a_network_outage(page: Page, plain: ProjectFolder, outages: int):
    chance, pressed = random.Random(1), []
    with Server(plain.path) as server:
        page.goto(server.url)
        for _ in range(outages):
            pressed += answer_in_an_outage(page, chance, lambda: page.context.set_offline(True))
            page.context.set_offline(False)
        wait_until_sent(page)
    assert_arrived_once_and_in_order(plain, pressed)


def test_answers_survive_a_killed_and_restarted_server(page: Page, plain: ProjectFolder, outages: int):
    chance, pressed = random.Random(2), []
    with Server(plain.path) as server:
        page.goto(server.url)
        for _ in range(outages):
            pressed += answer_in_an_outage(page, chance, server.stop)
            server.start()
        wait_until_sent(page)
    assert_arrived_once_and_in_order(plain, pressed)


def test_answers_survive_an_expired_login(page: Page, plain: ProjectFolder, outages: int):
    chance, pressed = random.Random(3), []
    users_command(plain.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    with Server(plain.path) as server:
        page.goto(server.url)
        log_in(page, "Ada")
        for number in range(outages):
            password = f"another long password {number}"

            def end_the_login(password: str = password) -> None:
                with plain.database.write() as session:
                    set_password(session, "Ada", password)

            pressed += answer_in_an_outage(page, chance, end_the_login)
            page.get_by_role("link", name="Log in again").click()
            log_in(page, "Ada", password)
        shown_image(page)
        wait_until_sent(page)
    assert_arrived_once_and_in_order(plain, pressed)


def test_answers_survive_a_closed_and_reopened_tab(page: Page, plain: ProjectFolder, outages: int):
    chance, pressed = random.Random(4), []
    with Server(plain.path) as server:
        tab = page
        tab.goto(server.url)
        for _ in range(outages):
            pressed += answer_in_an_outage(tab, chance, server.stop)
            tab.close()
            server.start()
            tab = page.context.new_page()
            tab.goto(server.url)
        shown_image(tab)
        wait_until_sent(tab)
    assert_arrived_once_and_in_order(plain, pressed)
