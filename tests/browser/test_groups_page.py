"""The groups page: a user cuts and joins near-duplicates, reads the leak report and balances the splits."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from annotator.models import Image, Round, now
from annotator.project import ProjectFolder
from tests.support.projects.grouping import groups_and_splits, plan_of, search_near_duplicates
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_near_duplicates_are_cut_and_the_cut_is_undone(page: Page, doubled: ProjectFolder):
    search_near_duplicates(doubled)
    before = groups_and_splits(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        expect(page.locator("#list .tile")).to_have_count(3)
        page.get_by_role("button", name="Open 0").first.press("Enter")
        expect(page.locator("#group .tile")).to_have_count(2)
        expect(page.locator("#group")).to_contain_text("near-duplicate of")
        page.locator("#group .tile").nth(0).press("Space")
        page.locator("#group .tile").nth(1).press("Space")
        page.get_by_role("button", name="Not the same picture").press("Enter")
        expect(page.locator("#list .tile")).to_have_count(2)
        page.get_by_role("button", name="Undo").press("Enter")
        expect(page.locator("#list .tile")).to_have_count(3)
    assert groups_and_splits(doubled) == before


def test_two_groups_are_joined(page: Page, doubled: ProjectFolder):
    search_near_duplicates(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        page.locator("#list .tile").nth(0).click()
        page.locator("#list .tile").nth(2).click()
        page.get_by_role("button", name="Join the two selected groups").click()
        expect(page.locator("#list .tile")).to_have_count(2)
        expect(page.locator("#list .tile-about").first).to_contain_text("4 images")


def test_the_leak_report_names_pairs_and_joining_them_removes_the_leak(page: Page, doubled: ProjectFolder):
    search_near_duplicates(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        page.get_by_role("button", name="Check for leaks").click()
        expect(page.locator("#report")).to_contain_text("No leaks")
        with doubled.database.write() as session:
            copies = Image.name.startswith("copy-")
            session.execute(update(Image).where(copies).values(split="test"))
            session.execute(update(Image).where(~copies).values(split="train"))
        page.get_by_role("button", name="Check for leaks").click()
        expect(page.locator("[data-leak]")).to_have_count(3)


def test_splits_are_balanced_after_a_preview_and_with_models_only_when_confirmed(
    page: Page, labelled: ProjectFolder
):
    before, plan = groups_and_splits(labelled), plan_of(labelled)
    with labelled.database.write() as session:
        session.add(Round(state="done", engine="probe", strategy="margin", stage="load", done=1, total=1, message="", attempts=1, created_at=now()))  # fmt: skip
    with Server(labelled.path) as server:
        page.goto(f"{server.url}/groups")
        page.get_by_role("button", name="Balance the splits").press("Enter")
        expect(page.locator("#splits-table tbody tr")).to_have_count(len(plan.values))
        expect(page.locator("#splits-about")).to_contain_text(f"{plan.moved} images")
        expect(page.locator("#splits-warnings")).to_contain_text("not measured again")
        expect(page.locator("#splits-table tbody tr").first).to_contain_text("all images")
        put = page.get_by_role("button", name="Use the better split")
        expect(put).to_be_disabled()
        page.get_by_label("Split anyway").press("Space")
        assert groups_and_splits(labelled) == before
        put.press("Enter")
        expect(page.locator("#message")).to_have_text(
            f"The split now uses seed {plan.seed}: {plan.moved} images moved."
        )
        assert sum(groups_and_splits(labelled)[name] != before[name] for name in before) == plan.moved
        page.get_by_role("button", name="Balance the splits").press("Enter")
        expect(page.locator("#splits-about")).to_contain_text("No tested split is better")
        expect(put).to_be_hidden()
