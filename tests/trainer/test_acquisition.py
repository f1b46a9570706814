"""Every acquisition rule passes the same tests; the order of work is that of FORMATS.md."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.acquisition import RULES, open_cells, order_images, plan_work, rule
from trainer.errors import ChoiceError
from trainer.snapshot import CANNOT_TELL, UNLABELLED, Snapshot

CERTAIN_TO_EVEN = np.float32([[1, 0, 0], [0.9, 0.1, 0], [0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]])


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("classes", [1, 2, 9])
def test_a_rule_gives_every_cell_a_number(name, classes):
    random = np.random.default_rng(0)
    p = random.dirichlet(np.full(classes, 0.3), 50).astype(np.float32)
    scores = rule(name)(p, random)
    assert scores.shape == (50,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", [name for name in RULES if name != "random"])
def test_a_rule_of_doubt_scores_rise_with_doubt_whatever_the_order_of_classes(name):
    generator = np.random.default_rng(0)
    scores = rule(name)(CERTAIN_TO_EVEN, generator)
    assert (np.diff(scores) > 0).all()
    np.testing.assert_allclose(rule(name)(CERTAIN_TO_EVEN[:, ::-1], generator), scores)


def test_margin_is_one_less_the_lead_of_the_first_over_the_second():
    scores = rule("margin")(CERTAIN_TO_EVEN, np.random.default_rng(0))
    np.testing.assert_allclose(scores, [0, 0.2, 0.8, 1], atol=1e-6)


def test_an_unknown_rule_names_those_there_are():
    with pytest.raises(ChoiceError, match="margin, entropy"):
        rule("luck")


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1)), max_size=80), st.integers(0, 3))
def test_the_order_has_every_image_with_work_once_and_a_test_image_at_every_tenth_place(images, seed):
    work, test = (np.array([image[i] for image in images], bool) for i in (0, 1))
    scores = np.array([image[2] for image in images], np.float32)
    order = order_images(scores, work, test, seed)
    assert sorted(order) == np.flatnonzero(work).tolist()
    tests = np.flatnonzero(test[order]).tolist()
    others = order[~test[order]]
    expected = list(range(9, len(order), 10))
    left = len(others) + len(others) // 9  # places up to where the others run out
    assert [place for place in tests if place < left] == [p for p in expected if p < left][: len(tests)]
    assert (np.diff(scores[others]) <= 0).all()
    ties = np.diff(scores[others]) == 0
    assert (np.diff(others)[ties] > 0).all()


def test_the_draw_from_the_test_split_follows_the_seed():
    everything = np.ones(40, bool)
    draws = [
        order_images(np.zeros(40, np.float32), everything, everything, seed).tolist() for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


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
    work = plan_work(snapshot, p, "margin", 0)
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
