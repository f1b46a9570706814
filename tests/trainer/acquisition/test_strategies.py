"""The query strategies, and the order of images that FORMATS.md describes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.acquisition.pools import pool
from trainer.acquisition import STRATEGIES, open_cells, pool_of, query_strategy, rank_images
from trainer.acquisition.balanced import sample_classes
from trainer.acquisition.diversity import farthest_first, spread_by_weight, typical
from trainer.acquisition.group_constraint import BATCH, HEAD, one_per_group
from trainer.acquisition.mixing import ColdStart, RareClasses, draw, interleave
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import order_images
from trainer.acquisition.uncertainty import disagreement, entropy, least_confidence, margin
from trainer.data.snapshot import CANNOT_TELL, UNLABELLED, Snapshot
from trainer.runtime.errors import ChoiceError

CERTAIN_TO_EVEN = np.float32([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]])
UNCERTAINTIES = (margin, entropy, least_confidence)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_scores_every_cell_and_orders_every_image_once(name: str):
    candidates = pool()
    scores = STRATEGIES[name].cells(candidates)
    assert {n: s.shape for n, s in scores.items()} == {"glasses": (60,), "hair": (60,)}
    assert all(np.isfinite(column).all() for column in scores.values())
    assert sorted(STRATEGIES[name].arrange(candidates)) == candidates.askable.tolist()


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_deterministic_and_ignores_the_test_split(name: str):
    candidates = pool()
    first = STRATEGIES[name].arrange(candidates).tolist()
    assert STRATEGIES[name].arrange(candidates).tolist() == first
    changed = {n: p.copy() for n, p in candidates.probabilities.items()}
    committee = {n: p.copy() for n, p in candidates.committee.items()}
    for answers in changed.values():
        answers[candidates.audit] = answers[candidates.audit][:, ::-1]
    for answers in committee.values():
        answers[:, candidates.audit] = answers[:, candidates.audit][..., ::-1]
    changed_pool = replace(candidates, probabilities=changed, committee=committee, dropout=committee)
    assert STRATEGIES[name].arrange(changed_pool).tolist() == first


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_handles_no_image_and_one_image(name: str):
    nothing = pool(work=np.zeros(60, bool))
    assert STRATEGIES[name].arrange(nothing).tolist() == []
    one = pool(work=np.arange(60) == 7)
    assert STRATEGIES[name].arrange(one).tolist() == [7]


@pytest.mark.parametrize("uncertainty", UNCERTAINTIES)
def test_uncertainty_rises_from_certain_to_even_in_any_class_order(uncertainty):
    scores = uncertainty(CERTAIN_TO_EVEN)
    assert (np.diff(scores) > 0).all()
    np.testing.assert_allclose(uncertainty(CERTAIN_TO_EVEN[:, ::-1]), scores)


@pytest.mark.parametrize("uncertainty", UNCERTAINTIES)
def test_a_single_class_has_no_uncertainty(uncertainty):
    np.testing.assert_allclose(uncertainty(np.ones((3, 1), np.float32)), 0, atol=1e-6)


def test_margin_is_one_minus_the_difference_of_the_two_largest_probabilities():
    np.testing.assert_allclose(margin(CERTAIN_TO_EVEN), [0, 0.2, 0.8, 1], atol=1e-6)


def test_disagreement_is_largest_where_certain_members_contradict_each_other():
    agree, sure_apart, unsure = [[0.9, 0.1]] * 2, [[1, 0], [0, 1]], [[0.5, 0.5]] * 2
    committee = np.float32([[agree[i], sure_apart[i], unsure[i]] for i in (0, 1)])
    np.testing.assert_allclose(disagreement(committee), [0, 1, 0], atol=1e-6)


def test_diverse_images_are_chosen_first():
    embeddings = np.float32([[0, 0], [0.1, 0], [10, 0], [0, 10], [10.1, 0]])
    assert farthest_first(embeddings, embeddings[:1], 2).tolist() == [4, 3]
    assert set(typical(embeddings[[0, 1, 2, 4, 3]], 3, np.random.default_rng(1)).tolist()) & {4} == {4}
    slopes = np.ones((5, 1), np.float32)
    found = spread_by_weight(embeddings, slopes, 3, np.random.default_rng(0)).tolist()
    assert len({2 if place == 4 else 0 if place == 1 else place for place in found}) == 3


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.needs])
def test_a_strategy_raises_without_what_it_needs(name: str):
    without = dict.fromkeys(STRATEGIES[name].needs)
    with pytest.raises(ChoiceError, match="needs"):
        STRATEGIES[name].arrange(pool(**without, labelled=np.zeros(60, bool)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_works_without_what_it_does_not_need(name: str):
    without = dict.fromkeys({"embeddings", "committee", "dropout"} - STRATEGIES[name].needs)
    assert len(STRATEGIES[name].arrange(pool(**without))) == len(pool().askable)


def test_an_unknown_strategy_is_refused_with_the_known_names():
    with pytest.raises(ChoiceError, match="margin, entropy"):
        query_strategy("luck")


@given(st.integers(0, 60), st.integers(0, 30), st.integers(2, 10))
def test_interleaving_fills_every_nth_place_and_loses_no_image(others: int, given: int, every: int):
    order = interleave(every, np.arange(others, others + given), np.arange(others)).tolist()
    assert sorted(order) == list(range(others + given))
    assert [row for row in order if row < others] == list(range(others))
    assert [row for row in order if row >= others] == list(range(others, others + given))
    left = others + others // (every - 1)  # places up to where the others run out
    found = [place for place, row in enumerate(order) if row >= others and place < left]
    assert found == list(range(every - 1, left, every))[: len(found)]
    assert len(found) == min(given, len(range(every - 1, left, every)))


@given(st.lists(st.integers(0, 40), max_size=400), st.integers(0, 3))
def test_no_group_comes_twice_in_a_batch_at_the_head(members: list[int], seed: int):
    groups = np.array([f"identity:{member}" for member in members], dtype=np.str_)
    order = np.random.default_rng(seed).permutation(len(members))
    found = one_per_group(order, groups)
    assert sorted(found) == sorted(order)
    place, left = 0, order.tolist()
    while place < min(HEAD, len(found)):
        size = min(BATCH, len(set(groups[left])))
        batch = found[place : place + size].tolist()
        assert len(set(groups[batch])) == size
        assert batch[0] == left[0], "the first remaining image always comes"
        left = [row for row in left if row not in batch]
        place += size


def test_ungrouped_images_keep_their_order():
    order = np.random.default_rng(0).permutation(300)
    groups = np.array([f"image:{number}" for number in range(300)])
    assert one_per_group(order, groups).tolist() == order.tolist()


def test_a_draw_is_seeded_and_returns_its_probability():
    draws = [draw(np.arange(40), 8, seed)[0].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    np.testing.assert_allclose(draw(np.arange(40), 8, 0)[1], [1 / left for left in range(40, 32, -1)])


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_leaves_a_tenth_to_chance_and_a_tenth_to_the_test_split(name: str):
    candidates = pool(400)
    order, drawn = order_images(STRATEGIES[name], candidates)
    assert sorted(order) == sorted([*candidates.askable, *candidates.audit])
    by_chance = ~np.isnan(drawn)
    assert by_chance[candidates.audit].all()
    assert by_chance[candidates.askable].sum() == len(candidates.askable) // 10
    _, by_another = order_images(STRATEGIES["random"], candidates)
    np.testing.assert_array_equal(drawn, by_another, "the random draws do not depend on the strategy")
    others = order[~np.isin(order, candidates.audit)]
    assert by_chance[others[9::10]].all()


def test_every_third_place_goes_to_a_probably_rare_class():
    rare = np.float32([[0.02, 0.98]] * 10 + [[0.5, 0.5]] * 50)
    candidates = pool(
        probabilities={"glasses": rare},
        cells={"glasses": np.ones(60, bool)},
        work=np.ones(60, bool),
        counts={"glasses": np.array([90, 1])},
    )
    order = RareClasses(STRATEGIES["margin"]).arrange(candidates).tolist()
    assert set(order[2:30:3]) == set(range(10))
    assert STRATEGIES["margin"].arrange(candidates).tolist()[:50] == list(range(10, 60))


def test_rare_classes_and_people_with_few_labels_come_first():
    images = 400
    shown = np.arange(images) % 20 == 0  # one in twenty probably has glasses, like one labelled group
    p = np.where(shown[:, None], np.float32([[0.2, 0.8]]), np.float32([[0.98, 0.02]])).astype(np.float32)
    labelled = np.arange(images) < 100  # of ten people with thirty more images each
    candidates = pool(
        images,
        probabilities={"glasses": p},
        cells={"glasses": ~labelled},
        work=~labelled,
        audit=np.empty(0, np.int64),
        labelled=labelled,
        counts={"glasses": np.array([9, 1])},
        groups=np.array([f"identity:{i % 10 if i < 200 else i}" for i in range(images)]),
    )
    order = STRATEGIES["balanced"].arrange(candidates)
    assert shown[order[:10]].sum() > 5 > shown[order[100:]].sum()
    new = ~shown[order] & (order >= 200)
    old = ~shown[order] & (order < 200)
    assert np.flatnonzero(new).mean() < np.flatnonzero(old).mean() - 50
    assert set(order[-50:]) <= set(range(100, 200)), "people with ten labelled images"


def test_sampled_classes_follow_the_probabilities():
    p = np.float32([[0.2, 0.5, 0.3]]).repeat(20_000, 0)
    drawn = sample_classes(p, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / len(p), p[0], atol=0.02)
    assert sample_classes(np.float32([[0, 1], [1, 0]]), np.random.default_rng(0)).tolist() == [1, 0]


def test_classes_are_counted_by_groups():
    groups = np.array(["a", "a", "a", "b", "c", "d"])
    assert groups_by_class(np.array([0, 0, 1, 0, UNLABELLED, CANNOT_TELL]), groups, 3).tolist() == [2, 1, 0]
    assert groups_by_class(np.full(6, UNLABELLED), groups, 2).tolist() == [0, 0]


def test_a_cold_start_ends_with_enough_labels():
    start = ColdStart(STRATEGIES["typical"], STRATEGIES["margin"])
    few, many = (np.arange(200) < labelled for labelled in (ColdStart.ENOUGH - 1, ColdStart.ENOUGH))
    for labelled, same in ((few, "typical"), (many, "margin")):
        candidates = pool(200, labelled=labelled)
        assert start.arrange(candidates).tolist() == STRATEGIES[same].arrange(candidates).tolist()


def test_the_score_of_an_image_is_the_mean_of_its_open_cells(faces):
    snapshot = Snapshot.open(faces)
    labels = {name: np.zeros(len(snapshot), np.int64) for name in snapshot.labels}
    labels["glasses"][:3] = UNLABELLED
    labels["hair"][:2] = UNLABELLED
    labels["beard"][4] = UNLABELLED
    labels["beard"][5] = CANNOT_TELL
    snapshot = replace(snapshot, labels=labels)
    even, sure = np.float32([[0.5, 0.5]]), np.float32([[1, 0, 0, 0]])
    p = {"glasses": even.repeat(len(snapshot), 0), "hair": sure.repeat(len(snapshot), 0)}
    ranking = rank_images(pool_of(snapshot, p, 0), "margin")
    assert ranking.images[:3].tolist() == [0.5, 0.5, 1.0]
    assert np.isnan(ranking.images[3:]).all()
    assert np.isnan(ranking.cells["hair"][2:]).all()
    assert sorted(ranking.order.tolist()) == [0, 1, 2, 4], (
        "beard is open in image 4, although no model answers it"
    )


def test_an_answer_that_ends_an_image_closes_its_cells(faces):
    snapshot = Snapshot.open(faces)
    labels = {name: np.full(len(snapshot), UNLABELLED) for name in snapshot.labels}
    labels["not_human"][:2] = [0, 1]
    cells = open_cells(replace(snapshot, labels=labels))
    assert cells["glasses"][:3].tolist() == [True, False, True]
    assert cells["not_human"][:3].tolist() == [False, False, True]
