"""Every acquisition rule passes the same tests; the order of work is that of FORMATS.md."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.acquisition import RULES, Pool, open_cells, plan_work, pool_of, rule
from trainer.acquisition.balanced import guess
from trainer.acquisition.diversity import farthest_first, spread_by_weight, typical
from trainer.acquisition.group_constraint import BATCH, HEAD, one_per_group
from trainer.acquisition.mixing import ColdStart, RareShare, at_every, draw
from trainer.acquisition.pool import groups_by_class
from trainer.acquisition.ranking import put_in_order
from trainer.acquisition.uncertainty import disagreement, entropy, least_confidence, margin
from trainer.data.snapshot import CANNOT_TELL, UNLABELLED, Snapshot
from trainer.runtime.errors import ChoiceError

CERTAIN_TO_EVEN = np.float32([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]])
DOUBTS = (margin, entropy, least_confidence)


def pool(images: int = 60, seed: int = 0, **changes: object) -> Pool:
    """Two attributes, some cells answered, some images of the test split, three kinds of faces."""
    random = np.random.default_rng(seed)
    committee = {
        name: random.dirichlet(np.full(classes, 0.4), (3, images)).astype(np.float32)
        for name, classes in (("glasses", 2), ("hair", 5))
    }
    cells = {"glasses": random.random(images) < 0.8, "hair": random.random(images) < 0.6}
    test = random.random(images) < 0.2
    work = cells["glasses"] | cells["hair"]
    made = Pool(
        probabilities={name: answers.mean(axis=0) for name, answers in committee.items()},
        cells=cells,
        work=work & ~test,
        audit=np.flatnonzero(work & test),
        labelled=~(cells["glasses"] & cells["hair"]),
        counts={"glasses": np.array([9, 3]), "hair": np.array([5, 4, 2, 1, 0])},
        groups=np.array([f"identity:{person}" for person in random.integers(0, 30, images)]),
        points=random.normal(size=(images, 4)).astype(np.float32)
        + 9 * np.eye(4, dtype=np.float32)[random.integers(0, 3, images)],
        committee=committee,
        seed=seed,
    )
    return replace(made, **changes)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gives_every_cell_a_number_and_every_image_one_place(name: str):
    known = pool()
    scores = RULES[name].cells(known)
    assert {n: s.shape for n, s in scores.items()} == {"glasses": (60,), "hair": (60,)}
    assert all(np.isfinite(column).all() for column in scores.values())
    assert sorted(RULES[name].arrange(known)) == known.askable.tolist()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_the_same_for_the_same_seed_and_never_looks_at_the_test_split(name: str):
    known = pool()
    first = RULES[name].arrange(known).tolist()
    assert RULES[name].arrange(known).tolist() == first
    changed = {n: p.copy() for n, p in known.probabilities.items()}
    committee = {n: p.copy() for n, p in known.committee.items()}
    for answers in changed.values():
        answers[known.audit] = answers[known.audit][:, ::-1]
    for answers in committee.values():
        answers[:, known.audit] = answers[:, known.audit][..., ::-1]
    assert RULES[name].arrange(replace(known, probabilities=changed, committee=committee)).tolist() == first


@pytest.mark.parametrize("name", RULES)
def test_a_rule_copes_with_nothing_to_ask_and_with_one_image(name: str):
    nothing = pool(work=np.zeros(60, bool))
    assert RULES[name].arrange(nothing).tolist() == []
    one = pool(work=np.arange(60) == 7)
    assert RULES[name].arrange(one).tolist() == [7]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_rises_from_certain_to_even_whatever_the_order_of_classes(doubt):
    scores = doubt(CERTAIN_TO_EVEN)
    assert (np.diff(scores) > 0).all()
    np.testing.assert_allclose(doubt(CERTAIN_TO_EVEN[:, ::-1]), scores)


@pytest.mark.parametrize("doubt", DOUBTS)
def test_one_class_alone_leaves_no_doubt(doubt):
    np.testing.assert_allclose(doubt(np.ones((3, 1), np.float32)), 0, atol=1e-6)


def test_margin_is_one_less_the_lead_of_the_first_over_the_second():
    np.testing.assert_allclose(margin(CERTAIN_TO_EVEN), [0, 0.2, 0.8, 1], atol=1e-6)


def test_a_committee_teaches_most_where_sure_members_disagree():
    agree, sure_apart, unsure = [[0.9, 0.1]] * 2, [[1, 0], [0, 1]], [[0.5, 0.5]] * 2
    committee = np.float32([[agree[i], sure_apart[i], unsure[i]] for i in (0, 1)])
    np.testing.assert_allclose(disagreement(committee), [0, 1, 0], atol=1e-6)


def test_images_that_differ_are_chosen_first():
    points = np.float32([[0, 0], [0.1, 0], [10, 0], [0, 10], [10.1, 0]])
    assert farthest_first(points, points[:1], 2).tolist() == [4, 3]
    assert set(typical(points[[0, 1, 2, 4, 3]], 3, np.random.default_rng(1)).tolist()) & {4} == {4}
    slopes = np.ones((5, 1), np.float32)
    found = spread_by_weight(points, slopes, 3, np.random.default_rng(0)).tolist()
    assert len({2 if place == 4 else 0 if place == 1 else place for place in found}) == 3


@pytest.mark.parametrize("name", [name for name, known in RULES.items() if known.needs])
def test_a_rule_says_what_it_needs(name: str):
    without = dict.fromkeys(RULES[name].needs)
    with pytest.raises(ChoiceError, match="needs"):
        RULES[name].arrange(pool(**without, labelled=np.zeros(60, bool)))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_gets_by_without_what_it_does_not_name(name: str):
    without = dict.fromkeys({"points", "committee"} - RULES[name].needs)
    assert len(RULES[name].arrange(pool(**without))) == len(pool().askable)


def test_an_unknown_rule_names_those_there_are():
    with pytest.raises(ChoiceError, match="margin, entropy"):
        rule("luck")


@given(st.integers(0, 60), st.integers(0, 30), st.integers(2, 10))
def test_every_so_manieth_place_is_given_away_and_nobody_is_lost(others: int, given: int, every: int):
    order = at_every(every, np.arange(others, others + given), np.arange(others)).tolist()
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
        assert batch[0] == left[0], "the first that is left always comes"
        left = [row for row in left if row not in batch]
        place += size


def test_images_on_their_own_keep_their_order():
    order = np.random.default_rng(0).permutation(300)
    groups = np.array([f"image:{number}" for number in range(300)])
    assert one_per_group(order, groups).tolist() == order.tolist()


def test_the_draw_follows_the_seed_and_says_how_probable_it_was():
    draws = [draw(np.arange(40), 8, seed)[0].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    np.testing.assert_allclose(draw(np.arange(40), 8, 0)[1], [1 / left for left in range(40, 32, -1)])


@pytest.mark.parametrize("name", RULES)
def test_a_tenth_of_the_order_is_drawn_whatever_the_rule_and_a_tenth_is_of_the_test_split(name: str):
    known = pool(400)
    order, drawn = put_in_order(RULES[name], known)
    assert sorted(order) == sorted([*known.askable, *known.audit])
    by_chance = ~np.isnan(drawn)
    assert by_chance[known.audit].all()
    assert by_chance[known.askable].sum() == len(known.askable) // 10
    _, by_another = put_in_order(RULES["random"], known)
    np.testing.assert_array_equal(drawn, by_another, "what is drawn does not depend on the rule")
    others = order[~np.isin(order, known.audit)]
    assert by_chance[others[9::10]].all()


def test_every_third_place_goes_to_what_is_probably_rare():
    rare = np.float32([[0.02, 0.98]] * 10 + [[0.5, 0.5]] * 50)
    known = pool(
        probabilities={"glasses": rare},
        cells={"glasses": np.ones(60, bool)},
        work=np.ones(60, bool),
        counts={"glasses": np.array([90, 1])},
    )
    order = RareShare(RULES["margin"]).arrange(known).tolist()
    assert set(order[2:30:3]) == set(range(10))
    assert RULES["margin"].arrange(known).tolist()[:50] == list(range(10, 60))


def test_what_few_groups_show_and_people_of_whom_little_is_labelled_come_first():
    images = 400
    shown = np.arange(images) % 20 == 0  # one in twenty probably has glasses, as one labelled group has
    p = np.where(shown[:, None], np.float32([[0.2, 0.8]]), np.float32([[0.98, 0.02]])).astype(np.float32)
    labelled = np.arange(images) < 100  # of ten people, who have thirty more images each
    known = pool(
        images,
        probabilities={"glasses": p},
        cells={"glasses": ~labelled},
        work=~labelled,
        audit=np.empty(0, np.int64),
        labelled=labelled,
        counts={"glasses": np.array([9, 1])},
        groups=np.array([f"identity:{i % 10 if i < 200 else i}" for i in range(images)]),
    )
    order = RULES["balanced"].arrange(known)
    assert shown[order[:10]].sum() > 5 > shown[order[100:]].sum()
    new = ~shown[order] & (order >= 200)
    old = ~shown[order] & (order < 200)
    assert np.flatnonzero(new).mean() < np.flatnonzero(old).mean() - 50
    assert set(order[-50:]) <= set(range(100, 200)), "the people of whom ten images are labelled already"


def test_a_guess_is_as_probable_as_the_model_says():
    p = np.float32([[0.2, 0.5, 0.3]]).repeat(20_000, 0)
    drawn = guess(p, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / len(p), p[0], atol=0.02)
    assert guess(np.float32([[0, 1], [1, 0]]), np.random.default_rng(0)).tolist() == [1, 0]


def test_classes_are_counted_by_the_groups_that_show_them():
    groups = np.array(["a", "a", "a", "b", "c", "d"])
    assert groups_by_class(np.array([0, 0, 1, 0, UNLABELLED, CANNOT_TELL]), groups, 3).tolist() == [2, 1, 0]
    assert groups_by_class(np.full(6, UNLABELLED), groups, 2).tolist() == [0, 0]


def test_a_cold_start_ends_when_a_model_can_tell_what_it_doubts():
    start = ColdStart(RULES["typical"], RULES["margin"])
    few, many = (np.arange(200) < labelled for labelled in (ColdStart.ENOUGH - 1, ColdStart.ENOUGH))
    for labelled, same in ((few, "typical"), (many, "margin")):
        known = pool(200, labelled=labelled)
        assert start.arrange(known).tolist() == RULES[same].arrange(known).tolist()


def test_an_image_scores_the_mean_of_its_open_cells_and_none_if_it_has_none(faces):
    snapshot = Snapshot.open(faces)
    labels = {name: np.zeros(len(snapshot), np.int64) for name in snapshot.labels}
    labels["glasses"][:3] = UNLABELLED
    labels["hair"][:2] = UNLABELLED
    labels["beard"][4] = UNLABELLED
    labels["beard"][5] = CANNOT_TELL
    snapshot = replace(snapshot, labels=labels)
    even, sure = np.float32([[0.5, 0.5]]), np.float32([[1, 0, 0, 0]])
    p = {"glasses": even.repeat(len(snapshot), 0), "hair": sure.repeat(len(snapshot), 0)}
    work = plan_work(pool_of(snapshot, p, 0), "margin")
    assert work.images[:3].tolist() == [0.5, 0.5, 1.0]
    assert np.isnan(work.images[3:]).all()
    assert np.isnan(work.cells["hair"][2:]).all()
    assert sorted(work.order.tolist()) == [0, 1, 2, 4], (
        "beard is open in image 4, although no model answers it"
    )


def test_an_answer_that_ends_an_image_leaves_nothing_to_ask(faces):
    snapshot = Snapshot.open(faces)
    labels = {name: np.full(len(snapshot), UNLABELLED) for name in snapshot.labels}
    labels["not_human"][:2] = [0, 1]
    cells = open_cells(replace(snapshot, labels=labels))
    assert cells["glasses"][:3].tolist() == [True, False, True]
    assert cells["not_human"][:3].tolist() == [False, False, True]
