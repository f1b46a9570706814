"""Many browsers at once: all of them show images, and somebody who labels beside them is served, also while it is attacked."""

import secrets
import threading

import pytest
import requests
from playwright.sync_api import Browser

from tests.support.browser.crowd import crowd, look_through
from tests.support.hostile.attacker import Attacker
from tests.support.hostile.attacks import half_sent
from tests.support.projects.labelling import ALL
from tests.support.serving import Server


def work(server: Server, images: int, failures: list[str]) -> None:
    """Label images, undo the answers, which leases the images again, and load the page as a newcomer each time; a minute without an answer fails."""
    client = server.client()
    for _ in range(images):
        try:
            [task] = client.next()["tasks"]
            key = secrets.token_hex(8)
            client.answer(task, ALL, key)
            client.post("/annotations/undo", {"submission": key}, secrets.token_hex(8)).raise_for_status()
            requests.get(f"{server.url}/", timeout=60).raise_for_status()
        except requests.RequestException as error:
            failures.append(str(error))


@pytest.mark.parametrize("attacked", [False, True])
def test_people_on_browse_and_a_labeller_are_served(
    server: Server, browser: Browser, soak: bool, attacked: bool
):
    failures: list[str] = []
    with Attacker(server) as attacker, crowd(browser, server.url, 20 if soak else 2) as pages:
        if attacked:
            half_sent(attacker, 10 if soak else 1)
        labeller = threading.Thread(target=work, args=(server, 35 if soak else 10, failures))
        labeller.start()
        scrolled = look_through(pages, labeller.is_alive)
        labeller.join()
        assert not failures
        assert scrolled
        for page in pages:
            page.reload()
            page.locator("#grid img").first.wait_for()
