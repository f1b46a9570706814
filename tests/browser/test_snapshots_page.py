"""The snapshots page: take, verify, read the card, download, compare."""

import io
import zipfile

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.support.browser.pages import wait_until_ready
from tests.support.serving import Server

pytestmark = pytest.mark.browser
VALUES = {
    "wrinkles": 0, "freckles": 1, "glasses": 2, "hair_color": 1, "hair_top": 2, "not_human": 0,
}  # fmt: skip


def take(page: Page, number: int) -> None:
    page.get_by_role("button", name="Take a snapshot").click()
    expect(page.locator("[data-snapshot]")).to_have_count(number)
    expect(page.locator("#message")).to_contain_text("is in")


def test_two_snapshots_are_taken_verified_compared_and_downloaded(page: Page, server: Server):
    page.goto(server.url + "/snapshots")
    wait_until_ready(page)
    expect(page.locator("#backups")).to_contain_text("No backup has been made yet.")
    take(page, 1)
    client = server.client()
    [task] = client.next()["tasks"]
    client.answer(task, VALUES)
    take(page, 2)
    page.get_by_role("button", name="Verify").first.click()
    expect(page.locator("#message")).to_contain_text("is intact")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#diff")).to_contain_text("6 cells differ")
    expect(page.locator("[data-attribute=glasses]")).to_contain_text("sunglasses")
    changes = requests.get(server.url + str(page.locator("#changes").get_attribute("href")), timeout=60).text
    assert f"{task['image_name']},glasses,,2,," in changes.splitlines()
    link = server.url + str(page.get_by_role("link", name="Zip").first.get_attribute("href"))
    first, again = (requests.get(link, timeout=60).content for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert {name.partition("/")[2] for name in archive.namelist()} == {
            "attributes.csv", "card.html", "card.md", "images.csv", "labels.csv", "manifest.json",
        }  # fmt: skip
    page.get_by_role("link", name="Card").first.click()
    expect(page.get_by_role("heading", name="Dataset card")).to_be_visible()
    assert page.locator("svg[role=img]").count() == 6


def test_another_format_is_exported_and_downloaded_and_its_omissions_are_named(page: Page, server: Server):
    client = server.client()
    [task] = client.next()["tasks"]
    client.answer(task, VALUES)
    page.goto(server.url + "/snapshots")
    wait_until_ready(page)
    page.locator("select[name=format]").select_option(label="The coursework's annotations.csv")
    expect(page.locator("#leaves-out")).to_contain_text("images without a label")
    contents = []
    for _ in range(2):
        page.get_by_role("button", name="Export", exact=True).click()
        expect(page.get_by_role("button", name="Export", exact=True)).to_be_enabled()
        expect(page.locator("#exported")).to_contain_text("images without a label in these columns (")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as zip").click()
        contents.append(download.value.path().read_bytes())
    assert contents[0] == contents[1]
    with zipfile.ZipFile(io.BytesIO(contents[0])) as archive:
        [line] = archive.read("coursework/annotations.csv").decode().splitlines()[1:]
    assert line == f"{task['image_name']},0,1,2,1,2,0"


def test_a_changed_byte_is_reported(page: Page, server: Server):
    page.goto(server.url + "/snapshots")
    wait_until_ready(page)
    take(page, 1)
    [labels] = (server.project / "snapshots").glob("*/labels.csv")
    labels.write_bytes(labels.read_bytes() + b"x")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#error")).to_contain_text("labels.csv was changed")
