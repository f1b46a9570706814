"""Text that users enter is shown as text on every page: no markup and no script of it takes effect."""

import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from annotator.models import Labeller
from annotator.project import ProjectFolder
from annotator.services.accounts import add_account
from annotator.services.projects import init_project
from annotator.services.review.corrections import Correction, correct
from annotator.services.review.flags import raise_flag
from tests.support.browser.chromium import open_context
from tests.support.browser.pages import PAGES
from tests.support.projects.images import LIMITS, import_images
from tests.support.projects.schemas import UNGUIDED_SCHEMA
from tests.support.serving import Server

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>=HYPERLINK(1)'
PASSWORD = secrets.token_hex(8)


@pytest.fixture
def hostile(tmp_path: Path, faces: Path) -> ProjectFolder:
    """A team's project whose every text is hostile: names of images, folder, person, user, note, guideline, title."""
    folder = tmp_path / HOSTILE.replace("/", "∕")
    folder.mkdir()
    for number in range(3):
        name = f"{HOSTILE.replace('/', '∕')}{number}.jpg"
        (folder / name).write_bytes((faces / f"000{number + 1}.jpg").read_bytes())
    text = HOSTILE.replace('"', '\\"')
    schema = UNGUIDED_SCHEMA
    schema = schema.replace('title = "Glasses"', f'title = "{text}"\nguideline = "{text}"')
    (tmp_path / "attributes.toml").write_text(schema)
    made = init_project(tmp_path / "project", tmp_path / "attributes.toml")
    import_images(made, [folder], LIMITS)
    with made.database.write() as session:
        user: Labeller = add_account(session, HOSTILE, "admin", PASSWORD)
        correct(session, user.id, Correction("a", 1, {"identity": HOSTILE, "wrinkles": 1}))
        correct(session, user.id, Correction("b", 2, {"identity": f"{HOSTILE}2"}))
        raise_flag(session, user.id, "c", 1, HOSTILE)
    made.database.close()
    return made


def test_no_text_runs_on_any_page(browser: Browser, hostile: ProjectFolder):
    size = {"width": 1366, "height": 768}
    with Server(hostile.path) as server, open_context(browser, viewport=size) as context:
        page = context.new_page()
        refused: list[str] = []
        page.on(
            "console", lambda said: refused.append(said.text) if "Content Security" in said.text else None
        )
        page.goto(server.url)
        page.get_by_label("Name").fill(HOSTILE)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector("html[data-state=ready]", state="attached")
        for path in (*PAGES, "/browse/1"):
            page.goto(server.url + path)
            page.wait_for_selector("html:not([data-state=loading])", state="attached")
            assert HOSTILE in page.locator("body").inner_text(), path
            assert page.title() != "1", path
            assert page.locator("img[onerror], main script").count() == 0, path
        assert refused == []  # the policy had nothing to stop: no page put text in as markup


def test_the_content_security_policy_stops_scripts_that_a_page_would_let_through(page: Page, server: Server):
    page.goto(server.url)
    page.wait_for_selector("html[data-state=ready]", state="attached")
    page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", HOSTILE)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'document.title=1'; document.body.append(s); }"
    )
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    assert page.title() != "1"
