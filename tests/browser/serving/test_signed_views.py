"""Pages show views that come from the store itself, and the label page works on without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.browser.label_page import shown_image, wait_until_sent
from tests.support.browser.outages import wait_until_copied
from tests.support.browser.pages import wait_until_ready
from tests.support.commands import call
from tests.support.projects.images import import_images
from tests.support.serving import Server
from tests.support.storage.s3 import S3Server, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.browser

BUCKET = "pages"
"""Not that of tests/annotator/store: all servers of a process have the same buckets."""
LOADED = "[...document.images].filter((image) => image.naturalWidth > 0).length"


@pytest.fixture
def in_store(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[ProjectFolder, str]]:
    """A project with forty images in S3, and the address of the store."""
    server = S3Server(free_port())
    server.start()
    server.client().create_bucket(Bucket=BUCKET)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    call("init", "--project", tmp_path / "project", "--store", f"s3://{BUCKET}/one").assert_done()
    project = ProjectFolder.open(tmp_path / "project")
    import_images(project, [faces])
    yield project, server.environment["AWS_ENDPOINT_URL"]
    project.database.close()
    server.stop()


def test_views_come_from_the_store_and_the_label_page_keeps_its_own(
    page: Page, in_store: tuple[ProjectFolder, str]
):
    project, store = in_store
    from_store: list[str] = []
    refused: list[str] = []
    page.on("response", lambda answer: answer.url.startswith(store) and from_store.append(answer.url))
    page.on("console", lambda line: "Content Security Policy" in line.text and refused.append(line.text))
    with Server(project.path, FACELABEL_STORE_SIGNED_SECONDS="60") as server:
        page.goto(f"{server.url}/browse")
        wait_until_ready(page)
        wait_until(lambda: page.evaluate(LOADED) > 5, "views are shown")
        assert len(from_store) > 5
        page.goto(server.url)
        shown_image(page)
        wait_until_copied(page)
        page.reload()  # now through the service worker
        shown_image(page)
        wait_until_sent(page)
        wait_until_copied(page)
        from_store.clear()
        server.stop()
        page.reload()
        shown_image(page)
        wait_until(lambda: page.evaluate(LOADED) > 0, "the kept view is shown")
        assert from_store == []
        server.start()
    assert refused == []
