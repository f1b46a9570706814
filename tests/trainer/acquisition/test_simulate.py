"""Simulations of active learning: controls give the expected results, and no label is known before it is bought."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from trainer.acquisition import STRATEGIES
from trainer.acquisition.pace import Pace
from trainer.acquisition.ranking import RANDOM_EVERY
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, sha256_text
from trainer.simulate.oracle import GENESIS, Ledger, Oracle
from trainer.simulate.page import page
from trainer.simulate.plan import Plan
from trainer.simulate.problem import Problem
from trainer.simulate.replay import Buyer, fit_heads, replay, split_people
from trainer.simulate.run import run_plan
from trainer.simulate.summary import SECONDS, cost_to, summarise

PLAN = Plan(
    strategies=("random", "margin"), seeds=4, start=20, budgets=(40, 80, 160), batch=20, share_test=0.3
)


def made_up(images: int = 700, seed: int = 0) -> Problem:
    """Faces of 140 people in 12 coordinates: half are `male`, 8 % have `glasses`, `hair` has three classes."""
    random = np.random.default_rng(seed)
    embeddings = random.normal(size=(images, 12)).astype(np.float32)
    noise = random.normal(size=(images, 3)) * 0.4
    labels = {
        "male": (embeddings[:, 0] + noise[:, 0] > 0).astype(np.int64),
        "glasses": (embeddings[:, 1] + noise[:, 1] > 1.5).astype(np.int64),
        "hair": np.digitize(embeddings[:, 2] + noise[:, 2], [-0.6, 0.9]).astype(np.int64),
    }
    return Problem(
        names=np.array([f"{i:04}.jpg" for i in range(images)]),
        groups=np.array([f"identity:{i // 5}" for i in range(images)]),
        embeddings=embeddings / np.sqrt(12).astype(np.float32),
        labels=labels,
        classes={"male": 2, "glasses": 2, "hair": 3},
    )


def test_a_replay_buys_according_to_the_plan_and_never_from_test_groups():
    problem = made_up()
    done = replay(problem, PLAN, "margin", 3)
    assert [point.bought for point in done.curve] == [20, 40, 80, 160]
    assert [entry["why"] for entry in done.ledger.entries] == ["start", *["margin"] * 7]
    bought = [image for entry in done.ledger.entries for image in entry["images"]]
    assert len(bought) == len(set(bought)) == done.ledger.bought == 160
    test, pool = split_people(problem, PLAN.share_test, 3)
    assert not set(problem.groups[test]) & set(problem.groups[pool])
    assert not set(bought) & set(problem.names[test])


def test_a_batch_has_no_group_twice_except_under_random():
    problem = made_up()
    group = dict(zip(problem.names.tolist(), problem.groups.tolist(), strict=True))
    for entry in replay(problem, PLAN, "margin", 3).ledger.entries[1:]:
        by_strategy = [image for place, image in enumerate(entry["images"], 1) if place % RANDOM_EVERY]
        assert len({group[image] for image in by_strategy}) == len(by_strategy) == 18
    entries = replay(problem, PLAN, "random", 3).ledger.entries
    assert [len(entry["images"]) for entry in entries] == [20, 20, 40, 80], (
        "random needs no model between two budgets"
    )
    assert len({group[image] for image in entries[-1]["images"]}) < 80


def test_accuracy_rises_with_bought_labels():
    done = replay(made_up(), PLAN, "random", 0)
    assert done.curve[-1].macro > done.curve[0].macro > 0.5
    assert done.full.macro > 0.85


def test_random_saves_nothing_against_random():
    problem = made_up()
    runs = [replay(problem, PLAN, "random", seed).as_json() for seed in range(5)]
    others = [
        run | {"strategy": "margin"}
        for run in (replay(problem, PLAN, "random", s).as_json() for s in range(5))
    ]
    saved = summarise([*runs, *others], PLAN.model_copy(update={"seeds": 5}))["against_baseline"]["margin"]
    assert saved["times_fewer"]["95%"]["macro"]["ratio"] == 1.0
    shifted = [run | {"strategy": "margin", "seed": (run["seed"] + 1) % 5} for run in runs]
    saved = summarise([*runs, *shifted], PLAN.model_copy(update={"seeds": 5}))["against_baseline"]["margin"]
    low, high = saved["times_fewer"]["95%"]["macro"]["interval"]
    assert low <= 1.0 <= high


def test_shuffled_labels_give_chance_accuracy():
    problem = made_up()
    random = np.random.default_rng(1)
    shuffled = replace(problem, labels={n: random.permutation(c) for n, c in problem.labels.items()})
    for strategy in PLAN.strategies:
        done = replay(shuffled, PLAN, strategy, 0)
        chance = {"male": 1 / 2, "glasses": 1 / 2, "hair": 1 / 3}
        for name, share in chance.items():
            assert abs(done.full.balanced[name] - share) < 0.12


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"random", "least_confidence"}))
def test_labels_not_bought_yet_do_not_affect_queries(strategy: str):
    """Permuting all labels that are not bought yet does not change the next queries."""
    problem = made_up()
    random = np.random.default_rng(5)
    start = random.permutation(len(problem.names))[:60]
    queries = []
    for permute in (False, True):
        sold = {name: column.copy() for name, column in problem.labels.items()}
        if permute:
            rest = np.setdiff1d(np.arange(len(problem.names)), start)
            for column in sold.values():
                column[rest] = random.permutation(column[rest])
        hidden = replace(problem, labels={name: np.full(len(column), -9) for name, column in sold.items()})
        buyer = Buyer(hidden, Oracle(problem.names, sold, Ledger()), 0)
        buyer.buy(start, "start")
        model = fit_heads(buyer.embeddings, buyer.answers, buyer.groups, problem.classes, 0)
        queries.append(buyer.choose(model, strategy, 50).tolist())
    assert queries[0] == queries[1]


def test_noise_in_test_labels_does_not_change_the_selection():
    problem = made_up()
    test, _ = split_people(problem, PLAN.share_test, 2)
    noisy = {name: column.copy() for name, column in problem.labels.items()}
    for name, column in noisy.items():
        column[test] = np.random.default_rng(0).integers(0, problem.classes[name], len(test))
    ledgers = [
        replay(one, PLAN, "margin", 2).ledger.entries for one in (problem, replace(problem, labels=noisy))
    ]
    assert ledgers[0] == ledgers[1]


@pytest.mark.parametrize("stress", ["duplicates", "noise", "rare", "missing"])
def test_a_replay_completes_under_every_stress(stress: str):
    plan = PLAN.model_copy(update={"stress": stress})
    done = replay(made_up(), plan, "margin", 1)
    assert 0.4 < done.curve[-1].macro <= 1
    bought = [image for entry in done.ledger.entries for image in entry["images"]]
    assert (len(set(bought)) < len(bought)) == (stress == "duplicates"), (
        "a copy is paid for like any other image"
    )


def test_an_edited_ledger_breaks_the_hash_chain():
    entries = replay(made_up(), PLAN, "margin", 0).ledger.entries
    assert chain_is_intact(entries)
    assert not chain_is_intact([entries[0], *entries[2:]])
    for i, entry in enumerate(entries):
        changed = [*entries[:i], entry | {"images": [*entry["images"][1:], "free.jpg"]}, *entries[i + 1 :]]
        assert not chain_is_intact(changed)


def test_finished_replays_are_not_repeated_and_their_files_give_the_summary(tmp_path: Path):
    problem, plan = made_up(), PLAN.model_copy(update={"seeds": 2})
    first = run_plan(problem, plan, tmp_path, lambda _: None)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert len(files) == 4
    lost = tmp_path / "margin-001.json"
    lost.unlink()
    again = run_plan(problem, plan, tmp_path, lambda _: None)
    without_times = [json.dumps(_without_seconds(run), sort_keys=True) for run in (*first, *again)]
    assert without_times[:4] == without_times[4:]
    assert [f for f, moment in files.items() if f.stat().st_mtime_ns != moment] == [lost]
    summary = summarise(again, plan)
    assert summary["strategies"]["random"]["budgets"] == [20, 40, 80, 160]
    drawn = page(
        summary | {"plan": plan.model_dump(mode="json"), "plan_hash": plan.hash, "snapshot": "0" * 64}
    )
    assert drawn.count("<figure>") == 5
    assert "<script" not in drawn


def test_cost_to_a_target_are_interpolated_or_none():
    run = {
        "curve": [{"bought": b, "macro": m, "balanced": {}} for b, m in ((100, 0.5), (200, 0.7), (400, 0.8))]
    }
    assert cost_to(run, 0.6) == 150
    assert cost_to(run, 0.4) == 100
    assert cost_to(run, 0.9) is None
    found = [cost_to(run, target / 100) for target in range(50, 81)]
    assert all(before <= after for before, after in pairwise(found))


def test_minutes_are_counted_from_answers_and_confirmations():
    pace = Pace(image=2, answer=0.5, confirmation=0.1)
    done = replay(made_up(), PLAN.model_copy(update={"pace": pace}), "margin", 0)
    first, *later = done.curve
    assert first.person_seconds == pytest.approx(20 * (2 + 3 * 0.5)), (
        "there are no suggestions before a model"
    )
    for before, after in pairwise([first, *later]):
        images = after.bought - before.bought
        assert images * (2 + 0.3) < after.person_seconds - before.person_seconds < images * (2 + 1.5)
    same = Pace(image=2, answer=0.5, confirmation=0.5)
    done = replay(made_up(), PLAN.model_copy(update={"pace": same}), "random", 0)
    assert [p.person_seconds for p in done.curve] == pytest.approx([p.bought * 3.5 for p in done.curve])


def test_what_is_left_is_neither_bought_nor_fillable():
    problem = made_up()
    names = np.unique(problem.groups)
    whole = len(split_people(problem, 0.3, 1)[1])
    done = replay(problem, PLAN.model_copy(update={"budgets": (100, whole)}), "random", 1)
    start, some, everything = done.curve
    assert everything.bought == whole < len(names) * 5
    assert everything.rest_seconds == 0
    assert set(everything.fillable.values()) == {0}
    assert all(0 <= share < 1 - start.bought / whole for share in start.fillable.values())
    assert some.rest_seconds < start.rest_seconds <= (whole - 20) * (Pace().image + 3 * Pace().answer)


def test_a_cost_in_seconds_is_interpolated_like_one_in_images():
    points = ((100, 300.0, 0.5), (200, 500.0, 0.7))
    run = {
        "curve": [
            {"bought": images, "person_seconds": seconds, "macro": macro, "balanced": {}}
            for images, seconds, macro in points
        ]
    }
    assert cost_to(run, 0.6) == 150
    assert cost_to(run, 0.6, cost=SECONDS) == 400


def test_a_replay_of_an_older_version_is_made_again(tmp_path: Path):
    plan = PLAN.model_copy(update={"seeds": 1, "strategies": ("random",)})
    (first,) = run_plan(made_up(), plan, tmp_path, lambda _: None)
    older = first | {"full": {k: v for k, v in first["full"].items() if k != "person_seconds"}}
    (tmp_path / "random-000.json").write_text(canonical_json(older))
    (again,) = run_plan(made_up(), plan, tmp_path, lambda _: None)
    assert _without_seconds(again) == _without_seconds(first)


def test_a_plan_is_validated_and_its_hash_covers_the_settings():
    with pytest.raises(ValueError, match="rise"):
        Plan(start=100, budgets=(50,))
    with pytest.raises(TrainerError, match="luck"):
        Plan(strategies=("luck",))
    assert Plan().hash == Plan().hash != Plan(seeds=3).hash
    assert "pace" not in Plan().as_json(), "plans of the time before have the same hash"
    assert Plan(pace=Pace(image=3)).hash != Plan().hash
    assert Plan.model_validate(Plan(pace=Pace(image=3)).as_json()).pace.image == 3
    with pytest.raises(ValueError, match="more than 0 seconds"):
        Plan(pace=Pace(image=0))


def chain_is_intact(entries: list[dict]) -> bool:
    """Whether no entry was changed, dropped from the middle or moved."""
    previous = GENESIS
    for entry in entries:
        body = {key: entry[key] for key in ("images", "previous", "why")}
        if entry["previous"] != previous or entry["hash"] != sha256_text(canonical_json(body)):
            return False
        previous = entry["hash"]
    return True


def _without_seconds(run: dict) -> dict:
    return run | {"curve": [p | {"seconds": 0} for p in run["curve"]], "full": run["full"] | {"seconds": 0}}
