"""The groups page: near-duplicates are cut and joined by a person, and the report says what leaks."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from annotator.models import Image, Round, now
from annotator.project import ProjectFolder
from tests.annotator.grouping.test_groups import doubled, groups, look
from tests.annotator.grouping.test_split_balance import labelled, plan_of, splits
from tests.support.serving import Server

pytestmark = pytest.mark.browser
__all__ = ["doubled", "labelled"]  # the fixtures


def test_near_duplicates_are_cut_and_the_cut_is_taken_back(page: Page, doubled: ProjectFolder):
    look(doubled)
    before = groups(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        expect(page.locator("#list .tile")).to_have_count(3)
        page.get_by_role("button", name="Open image:").first.press("Enter")
        expect(page.locator("#group .tile")).to_have_count(2)
        expect(page.locator("#group")).to_contain_text("repeats")
        page.locator("#group .tile").nth(0).press("Space")
        page.locator("#group .tile").nth(1).press("Space")
        page.get_by_role("button", name="Not the same picture").press("Enter")
        expect(page.locator("#list .tile")).to_have_count(2)
        page.get_by_role("button", name="Undo").press("Enter")
        expect(page.locator("#list .tile")).to_have_count(3)
    assert groups(doubled) == before


def test_two_groups_are_joined(page: Page, doubled: ProjectFolder):
    look(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        page.locator("#list .tile").nth(0).click()
        page.locator("#list .tile").nth(2).click()
        page.get_by_role("button", name="Join the two chosen groups").click()
        expect(page.locator("#list .tile")).to_have_count(2)
        expect(page.locator("#list .tile-about").first).to_contain_text("4 images")


def test_the_leak_report_names_pairs_and_a_join_mends_them(page: Page, doubled: ProjectFolder):
    look(doubled)
    with Server(doubled.path) as server:
        page.goto(f"{server.url}/groups")
        page.get_by_role("button", name="What leaks").click()
        expect(page.locator("#report")).to_contain_text("Nothing")
        with doubled.database.write() as session:
            copies = Image.name.startswith("copy-")
            session.execute(update(Image).where(copies).values(split="test"))
            session.execute(update(Image).where(~copies).values(split="train"))
        page.get_by_role("button", name="What leaks").click()
        expect(page.locator("[data-leak]")).to_have_count(3)


def test_the_splits_are_balanced_after_a_look_at_the_table_and_with_models_only_even_so(
    page: Page, labelled: ProjectFolder
):
    before, plan = splits(labelled), plan_of(labelled)
    with labelled.database.write() as session:
        session.add(Round(state="done", engine="probe", strategy="margin", stage="load", done=1, total=1, message="", attempts=1, created_at=now()))  # fmt: skip
    with Server(labelled.path) as server:
        page.goto(f"{server.url}/groups")
        page.get_by_role("button", name="Balance the splits").press("Enter")
        expect(page.locator("#splits-table tbody tr")).to_have_count(len(plan.values))
        expect(page.locator("#splits-about")).to_contain_text(f"{plan.moved} images")
        expect(page.locator("#splits-warnings")).to_contain_text("measured no more")
        expect(page.locator("#splits-table tbody tr").first).to_contain_text("all images")
        put = page.get_by_role("button", name="Put the better seed in force")
        expect(put).to_be_disabled()
        page.get_by_label("Do it even so").press("Space")
        assert splits(labelled) == before
        put.press("Enter")
        expect(page.locator("#message")).to_have_text(
            f"Seed {plan.seed} is used now: {plan.moved} images in another split."
        )
        assert sum(splits(labelled)[name] != before[name] for name in before) == plan.moved
        page.get_by_role("button", name="Balance the splits").press("Enter")
        expect(page.locator("#splits-about")).to_contain_text("No seed that was tried")
        expect(put).to_be_hidden()
