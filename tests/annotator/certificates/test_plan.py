"""Plans on made-up cells whose truth is known: the sets, the sample, the forecast, and what is said where it is too little."""

import json

import numpy as np
from numpy.typing import NDArray

from annotator.domain.certificates.decision import Sample, decide
from annotator.domain.certificates.ladder import Checked, Ladder, choose_ladder
from annotator.domain.certificates.plan import Plan, Shortfall, plan
from annotator.domain.certificates.search import Seconds
from annotator.domain.certificates.target import Allowance, Target
from tests.support.slow_plan import slow_plan

NO_RECALL = Target(error=0.02, recall=None)
NAMES = ["no", "yes"]
Cells = tuple[NDArray[np.float64], NDArray[np.int64]]


def cells(count: int, prior: list[float], seed: int, sure: float = 3.0) -> Cells:
    """Calibrated probabilities and the truth."""
    random = np.random.default_rng(seed)
    truth = random.choice(len(prior), count, p=prior)
    scores = sure * (random.normal(size=(count, len(prior))) + sure * np.eye(len(prior))[truth]) + np.log(
        prior
    )
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True), truth


def project(made: Cells, labelled: int) -> tuple[Checked, NDArray[np.float64], NDArray[np.int64], int]:
    """The first cells are labelled and checked: the arguments of a plan."""
    p, truth = made
    groups = np.arange(labelled) // 2
    checked = Checked(p[:labelled], truth[:labelled], groups, np.ones(labelled))
    return checked, p[labelled:], np.bincount(truth[:labelled], minlength=p.shape[1]), len(truth)


def planned(made: Cells, labelled: int, target: Target) -> Plan:
    found = plan(*project(made, labelled), target)
    assert isinstance(found, Plan), found
    return found


def told(found: Plan | Shortfall) -> object:
    return found.to_json() if isinstance(found, Plan) else found


def test_the_sets_are_nested_and_survive_the_round_trip():
    made = cells(3000, [0.6, 0.3, 0.1], 0)
    checked, open_, counts, images = project(made, 300)
    ladder = choose_ladder(checked, open_, counts, images, Target(error=0.01))
    assert 5 <= len(ladder.thresholds) <= 13
    assert (np.diff(ladder.thresholds, axis=0) >= 0).all()
    again = Ladder.from_json(json.loads(json.dumps(ladder.to_json())))
    levels = ladder.levels(open_)
    assert (again.levels(open_) == levels).all()
    assert (np.bincount(levels)[1:] > 0).all()
    shorter = ladder.truncated(2).levels(open_)
    assert (shorter == np.where(levels > 2, 0, levels)).all()


def test_cells_that_hide_a_rare_value_are_filled_later():
    p = np.array([[0.97, 0.03, 0.0], [0.97, 0.0, 0.03]])
    checked, open_, _, images = project(cells(3000, [0.6, 0.39, 0.01], 1), 600)
    counts = np.array([360, 234, 6])
    ladder = choose_ladder(checked, np.concatenate([open_, p]), counts, images, Target(error=0.01))
    common, rare = ladder.levels(p)
    assert common > 0
    assert rare == 0 or rare > common


def test_a_value_that_the_model_is_too_sure_of_is_filled_later():
    p, truth = cells(4000, [0.5, 0.5], 2)
    yes = p.argmax(axis=1) == 1
    p[yes] = np.where(p[yes] > 0.5, 1 - 0.2 * (1 - p[yes]), 0.2 * p[yes])
    checked, open_, counts, images = project((p, truth), 1500)
    ladder = choose_ladder(checked, open_, counts, images, NO_RECALL)
    assert (ladder.thresholds[:, 1] < 0.7 * ladder.thresholds[:, 0]).all()


def test_the_forecast_of_a_plan_is_what_happens():
    p, truth = made = cells(6000, [0.55, 0.45], 3)
    found = planned(made, 500, NO_RECALL)
    open_, open_truth = p[500:], truth[500:]
    levels, values = found.ladder.levels(open_), open_.argmax(axis=1)
    assert (levels > 0).sum() == found.candidates
    population = np.zeros((len(found.ladder.thresholds), 2), np.int64)
    np.add.at(population, (levels[levels > 0] - 1, values[levels > 0]), 1)
    random = np.random.default_rng(4)
    filled, broken = [], 0
    for _ in range(100):
        drawn = random.choice(np.flatnonzero(levels > 0), found.sample, replace=False)
        sample = Sample(levels[drawn], values[drawn], open_truth[drawn])
        level = decide(population, sample, np.bincount(truth[:500]), 6000, NO_RECALL).level or 0
        left = (levels > 0) & (levels <= level)
        left[drawn] = False
        filled.append(left.sum())
        broken += (values[left] != open_truth[left]).sum() > 120
    assert abs(np.mean(filled) - found.filled) < 0.15 * found.filled
    assert np.mean(np.array(filled) > 0) > found.chance - 0.1
    assert broken <= 10


def test_a_stricter_target_and_a_later_attempt_fill_no_more():
    made = cells(6000, [0.55, 0.45], 3)
    loose = planned(made, 500, Target(0.05, None))
    strict = planned(made, 500, Target(0.005, None))
    again = plan(*project(made, 500), NO_RECALL, attempt=3)
    assert strict.filled < loose.filled
    assert isinstance(again, Plan)
    assert again.filled <= planned(made, 500, NO_RECALL).filled
    assert json.loads(json.dumps(loose.to_json()))["sample"] == loose.sample


def test_dear_blind_answers_make_small_samples():
    made = cells(6000, [0.55, 0.45], 3)
    cheap = planned(made, 500, NO_RECALL)
    dear = plan(*project(made, 500), NO_RECALL, seconds=Seconds(blind=20, usual=1))
    assert isinstance(dear, Plan)
    assert dear.sample <= cheap.sample
    assert dear.minutes == round(dear.sample / 3, 1)


def test_a_rare_value_is_named_as_the_bottleneck():
    made = cells(6000, [0.97, 0.03], 5, sure=4)
    found = planned(made, 600, Target(error=0.01))
    without = planned(made, 600, Target(error=0.01, recall=None))
    assert found.bottleneck == 1
    assert without.bottleneck is None
    assert without.sample < found.sample


def test_a_value_too_rare_for_any_sample_is_said_with_what_it_would_need():
    made = cells(1500, [0.995, 0.005], 6, sure=4)
    found = plan(*project(made, 600), Target(error=0.01))
    assert isinstance(found, Shortfall)
    assert (found.reason, found.value) == ("recall", 1)
    assert found.needed
    sentence = found.sentence("Glasses", NAMES)
    assert "“yes”" in sentence
    assert f"{found.needed:,} blind answers" in sentence


def test_the_search_finds_what_all_samples_decided_would_give(soak: bool):
    priors = [[0.9, 0.1], [0.3, 0.3, 0.2, 0.15, 0.05], [0.97, 0.03], [0.6, 0.4]]
    targets = [Target(error, recall) for recall in (0.95, 0.9, None) for error in (0.005, 0.01, 0.03, 0.1)]
    reasons = set()
    for seed, prior in enumerate(priors):
        made = project(cells(1200, prior, seed, sure=2.2), 250)
        for target in targets if soak else targets[(seed + 3) % 4 :: 4]:
            for attempt, cost in (
                ((1, Seconds(2.3, 1.2)), (3, Seconds())) if soak else ((1, Seconds(2.3, 1.2)),)
            ):
                found = plan(*made, target, attempt, cost)
                expected = slow_plan(*made, target, attempt, cost)
                assert told(found) == told(expected)
                reasons.add(found.reason if isinstance(found, Shortfall) else "planned")
    assert reasons >= {"planned", "recall", "no_gain"}


def test_very_few_open_cells_are_planned_too():
    made = cells(500, [0.5, 0.5], 8)
    checked, open_, counts, images = project(made, 400)
    for count in range(1, 12):
        for target in (NO_RECALL, Target(error=0.05)):
            assert isinstance(plan(checked, open_[:count], counts, images, target), Plan | Shortfall)


def test_what_is_missing_is_said():
    made = cells(2000, [0.5, 0.5], 7)
    checked, open_, counts, images = project(made, 400)
    few = Checked(checked.probabilities[:20], checked.labels[:20], checked.groups[:20], checked.weights[:20])
    unsure = np.full_like(open_, 0.5)
    found = {
        "few_checked": plan(few, open_, counts, images, NO_RECALL),
        "no_open_cells": plan(checked, open_[:0], counts, images, NO_RECALL),
        "people": plan(checked, open_, counts, images, NO_RECALL, allowance=Allowance(people=0.03)),
        "error": plan(checked, unsure, counts, images, NO_RECALL),
    }
    for reason, shortfall in found.items():
        assert isinstance(shortfall, Shortfall)
        assert shortfall.reason == reason
        assert shortfall.sentence("Glasses", NAMES).startswith("Glasses ")
