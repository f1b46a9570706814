"""The insights page: a message for every state, numbers to download, no accessibility fault."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.browser.pages import axe_faults
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.round_results import add_round_with_errors, answer_audit_set, write_estimate
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def opened(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}/insights")
    page.wait_for_selector("html[data-state=ready]", state="attached")
    return page


def test_every_state_has_a_message(page: Page, filled: ProjectFolder):
    with Server(filled.path) as server:
        assert "Nothing is labelled yet" in opened(page, server).locator("#message").inner_text()
        truth = answer_audit_set(filled, 20)
        assert "no round yet" in opened(page, server).locator("#message").inner_text()
        assert page.locator("[data-attribute=glasses] .nothing").count() == 3
        add_round_with_errors(filled, truth, 10, labels=100)
        assert "One round so far" in opened(page, server).locator("#message").inner_text()
        add_round_with_errors(filled, truth, 2, labels=200)
        assert opened(page, server).locator("#message").inner_text() == ""
        assert page.locator("article[data-attribute=glasses] .plot .point").count() >= 3


def test_the_filled_page_has_no_serious_fault_and_offers_its_numbers(
    injectable: Page,
    filled: ProjectFolder,
    tmp_path: Path,
):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10, labels=100)
    add_round_with_errors(filled, truth, 2, labels=200)
    me = Person(filled)
    me.answer(me.next()[0], ALL, accepted=frozenset({"glasses"}), milliseconds=4000)
    sentence = write_estimate(filled, 2)
    with Server(filled.path) as server:
        page = opened(injectable, server)
        assert page.locator("#saved").inner_text().startswith(sentence)
        assert axe_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("#overview a", has_text="Glasses").click()
        with page.expect_download() as waiting:
            page.get_by_label("Learning curve: numbers as CSV").nth(2).press("Enter")
        waiting.value.save_as(tmp_path / "curve.csv")
    with (tmp_path / "curve.csv").open(newline="") as file:
        assert [(row["attribute"], row["labels"]) for row in csv.DictReader(file)] == [
            ("glasses", "100"),
            ("glasses", "200"),
        ]


def test_every_cell_bar_and_point_leads_to_its_images(page: Page, filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 4, labels=100)
    with Server(filled.path) as server:
        card = opened(page, server).locator("article[data-attribute=glasses]")
        cells = card.locator(".confusion td a").all()
        wanted = [(cell.get_attribute("href"), int(cell.inner_text())) for cell in cells]
        points = [
            (link.get_attribute("href"), int(link.get_attribute("data-images") or 0))
            for link in card.locator(".bins a").all()
        ]
        bars = [
            (row.locator(".class a").first.get_attribute("href"), int(row.locator(".number").inner_text()))
            for row in card.locator(".spread li").all()
        ]
        assert len(cells) >= 3
        assert points
        client = server.client()
        for address, images in [*wanted, *points, *bars]:
            counts = client.get(f"/images/counts?{(address or '').partition('?')[2]}")
            assert counts["images"] == images, address
        cells[0].click()
        page.wait_for_url("**/browse?**")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        assert page.locator("[data-image]").count() == wanted[0][1]
