"""The rounds page: the changes that a round made, and the return to an earlier round."""

from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from annotator.project import ProjectFolder
from annotator.services.rounds.pruning import prune_rounds
from tests.support.browser.pages import axe_faults
from tests.support.projects.round_results import (
    add_network_with_errors,
    add_round_with_errors,
    answer_audit_set,
    choose_round_features,
)
from tests.support.serving import Server

pytestmark = pytest.mark.browser


def test_a_round_shows_its_changes_and_keys_return_to_an_earlier_round(
    injectable: Page,
    filled: ProjectFolder,
):
    truth = answer_audit_set(filled, 20)
    first = add_round_with_errors(filled, truth, 10, labels=100)
    second = add_round_with_errors(filled, truth, 2, labels=200)
    report = filled.rounds / f"{second:04d}" / "run" / "report"
    report.mkdir()
    (report / "report.html").write_text("<h1>Training report</h1><script>document.title = 'ran'</script>")
    page = injectable
    with Server(filled.path) as server:
        page.goto(f"{server.url}/rounds")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        newest, older = page.locator(f"[data-round='{second}']"), page.locator(f"[data-round='{first}']")
        glasses = newest.locator("[data-attribute=glasses]")
        assert ".90" in glasses.inner_text()
        assert "+40.0" in glasses.inner_text()
        assert "20.0 %" in glasses.inner_text()
        assert axe_faults(page) == []
        older.locator("summary").first.press("Enter")
        expect(older).to_contain_text("This is the first round")
        expect(page.locator("#used")).to_contain_text(f"round {second}")
        older.get_by_role("button", name="Use this round for all").press("Enter")
        expect(page.locator("#used")).to_contain_text(f"round {first}")
        expect(older.locator(".in-use")).to_be_visible()
        expect(newest.locator(".in-use")).to_have_count(0)
        expect(page.locator("#sources")).to_contain_text(f"Somebody chose round {first} for all attributes.")
        assert axe_faults(page) == []
        page.get_by_role("button", name="Use the best measured rounds").press("Enter")
        expect(page.locator("#sources")).to_contain_text(f"Round {second}It is the newest")
        expect(page.locator("#used")).to_contain_text(f"round {second}")
        with page.expect_response("**/report") as answered:
            newest.get_by_role("link", name="Training report").click()
        assert "sandbox" in answered.value.headers["content-security-policy"]
        expect(page.locator("h1")).to_have_text("Training report")


def test_a_pruned_round_says_so_and_keeps_its_changes(injectable: Page, filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    pruned, _, _ = (add_round_with_errors(filled, truth, wrong, labels=100) for wrong in (10, 8, 2))
    prune_rounds(filled, 1)
    page = injectable
    with Server(filled.path) as server:
        page.goto(f"{server.url}/rounds")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        card = page.locator(f"[data-round='{pruned}']")
        expect(card).to_contain_text(
            "Pruned: its model and most of its predictions are deleted; its curve stays."
        )
        expect(card.get_by_role("button", name="Use this round for all")).to_have_count(0)
        card.locator("summary").first.press("Enter")
        expect(card.locator("[data-attribute=glasses]")).to_contain_text(".50")
        expect(page.locator("[data-round='3']")).to_contain_text(
            "so their queues and predictions are not compared"
        )
        assert axe_faults(page) == []


def test_a_round_names_its_features_and_offers_the_return_to_the_frozen_network(
    injectable: Page,
    filled: ProjectFolder,
):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10)
    network = add_network_with_errors(filled, truth, 1)
    chosen, reason = choose_round_features(filled)
    assert chosen == network
    page = injectable
    with Server(filled.path) as server:
        page.goto(f"{server.url}/rounds")
        page.wait_for_selector("html[data-state=ready]", state="attached")
        expect(page.get_by_text(reason)).to_be_visible()
        expect(page.locator("#features")).to_contain_text(f"the network that round {network} fine-tuned")
        assert axe_faults(page) == []
        slow = answer_held_back(page)
        page.get_by_role("button", name="Return to the frozen network").press("Enter")
        expect(page.locator("#message")).to_have_text("The next round uses the frozen network.")
        expect(page.locator("#features")).to_be_hidden()
        with page.expect_response("**/api/v1/rounds"):
            slow()
        page.evaluate("() => new Promise(requestAnimationFrame)")
        expect(page.locator("#message")).to_have_text("The next round uses the frozen network.")
        expect(page.locator("#features")).to_be_hidden()
    assert choose_round_features(filled) == (
        None,
        "Uses the frozen network, because somebody returned to it.",
    )


def answer_held_back(page: Page) -> Callable[[], None]:
    """Let the page look at the rounds now, and give it the answer when what is returned is called."""
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/api/v1/rounds", lambda route: held.append((route, route.fetch())), times=1)
    with page.expect_request("**/api/v1/rounds"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    return lambda: held[0][0].fulfill(response=held[0][1])
