"""The label page is opened again without a network, and goes on; what it keeps for that is current and leaves with the account."""

import random
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page
from sqlalchemy import select
from werkzeug.serving import make_server

import annotator.app
from annotator.app import create_app
from annotator.config import Settings
from annotator.models import Labeller, Submission
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.services.accounts import add_account
from tests.support.browser.label_page import press_answers, shown_image, wait_until_sent
from tests.support.browser.outages import assert_arrived_once_and_in_order, wait_until_copied
from tests.support.browser.pages import log_in
from tests.support.projects.accounts import PASSWORD
from tests.support.serving import Server

pytestmark = pytest.mark.browser

COPIED_PATHS = """async () => {
    const copies = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    const requests = await Promise.all(copies.map((copy) => copy.keys()));
    return requests.flat().map((request) => new URL(request.url).pathname);
}"""


def test_a_page_opened_without_a_server_goes_on_and_every_answer_arrives_once(
    page: Page, filled: ProjectFolder
):
    chance = random.Random(1)
    with Server(filled.path) as server:
        page.goto(server.url)
        pressed = [press_answers(page, chance)]
        wait_until_sent(page)
        wait_until_copied(page)
        server.stop()
        pressed.append(press_answers(page, chance))
        page.reload()
        pressed.append(press_answers(page, chance))
        page.close()
        opened = page.context.new_page()
        opened.goto(server.url)
        shown_image(opened)
        assert opened.locator("html").get_attribute("data-unsent") == "2"
        pressed += [press_answers(opened, chance) for _ in range(2)]
        server.start()
        wait_until_sent(opened)
        pressed.append(press_answers(opened, chance))
        wait_until_sent(opened)
        wait_until_copied(opened)
        paths = opened.evaluate(COPIED_PATHS)
    assert_arrived_once_and_in_order(filled, pressed)
    kinds = [path.split("/")[1] for path in paths]
    assert set(kinds) == {"", "static", "media"}  # no answer of the API
    assert kinds.count("media") <= 8  # those ahead, the one on the screen and the one before it


@contextmanager
def newer_version(project: ProjectFolder, port: int, folder: Path) -> Iterator[None]:
    """Serve a project at the port with another script of the label page."""
    shutil.copytree(resource("static"), folder)
    with (folder / "js" / "label" / "page.js").open("a") as script:
        script.write("\npage.edition = 'newer';\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(annotator.app, "resource", lambda name: folder if name == "static" else resource(name))
        app = create_app(project, Settings(port=port))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_newer_version_is_shown_at_once_and_also_without_a_server(
    page: Page, filled: ProjectFolder, tmp_path: Path
):
    with Server(filled.path) as server:
        page.goto(server.url)
        wait_until_copied(page)
        port = server.port
    with newer_version(filled, port, tmp_path / "static"):
        page.goto(server.url)
        page.wait_for_selector("html[data-edition=newer]", state="attached")
        wait_until_copied(page)
        assert len(page.evaluate("() => caches.keys()")) == 1
    page.reload()
    shown_image(page)
    page.wait_for_selector("html[data-edition=newer]", state="attached")


def entries(page: Page) -> set[str]:
    """What the browser keeps of accounts: names of entries without project, account and number, and of copies."""
    names = page.evaluate(
        "async () => [...Object.keys({ ...localStorage, ...sessionStorage }), ...await caches.keys()]"
    )
    return {
        name.split(":")[3] if name.startswith("facelabel:") and name.count(":") > 2 else name
        for name in names
    }


def submitters(project: ProjectFolder) -> list[str]:
    names = select(Labeller.name).join(Submission, Submission.labeller_id == Labeller.id)
    with project.database.read() as session:
        return list(session.scalars(names.order_by(Submission.id)))


def test_nothing_of_an_account_stays_after_it_but_its_unsent_answers(page: Page, filled: ProjectFolder):
    chance = random.Random(2)
    with Server(filled.path) as server:
        page.goto(server.url)
        page.route("**/api/v1/annotations", lambda route: route.abort())
        press_answers(page, chance)  # the first account will send it
        with filled.database.write() as session:
            add_account(session, "Ada", "admin", PASSWORD)
            add_account(session, "Bob", "labeller", PASSWORD)
        page.unroute("**/api/v1/annotations")
        page.goto(server.url)
        log_in(page, "Ada")
        shown_image(page)
        wait_until_sent(page)
        wait_until_copied(page)
        page.route("**/api/v1/annotations", lambda route: route.abort())
        press_answers(page, chance)
        page.keyboard.press("1")  # a draft
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in").wait_for()
        assert entries(page) <= {"outbox", "facelabel:tips-seen", "facelabel:theme"}
        server.stop()
        with pytest.raises(Error, match="ERR_"):
            page.goto(server.url)
        server.start()
        page.unroute("**/api/v1/annotations")
        page.goto(server.url)
        log_in(page, "Bob")
        press_answers(page, chance)
        wait_until_sent(page)
        wait_until_copied(page)
        assert submitters(filled) == ["Ada", "Bob"]
        page.context.clear_cookies()  # his login ends; he does not log out
        page.goto(server.url)
        log_in(page, "Ada")
        shown_image(page)
        wait_until_sent(page)
        wait_until_copied(page)
        copies = page.evaluate("() => caches.keys()")
    assert submitters(filled) == ["Ada", "Bob", "Ada"]
    assert [copy.split()[2].partition(":")[2] for copy in copies] == ["2"]


def test_on_plain_http_the_page_works_without_a_copy(page: Page, filled: ProjectFolder):
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
            address = probe.getsockname()[0]
        except OSError:
            pytest.skip("this machine has no address besides its own")
    with filled.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
    with Server(filled.path, FACELABEL_HOST=address) as server:
        page.goto(server.url)
        log_in(page, "Ada")
        press_answers(page, random.Random(3))
        wait_until_sent(page)
        assert page.evaluate("isSecureContext") is False
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in").wait_for()
    assert submitters(filled) == ["Ada"]
