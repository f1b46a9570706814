"""DIRECT: where a class is separated from the others, and who is asked there."""

import numpy as np
import pytest

from tests.support.acquisition.pools import one_attribute
from trainer.acquisition.direct import MEMBER, OPEN, OTHER, Direct, best_threshold, uncertain_interval
from trainer.data.snapshot import UNLABELLED


def sides(line: str) -> np.ndarray:
    """Return the sides of a line that is written with + for members, - for others and . for open images."""
    return np.array([{"+": MEMBER, "-": OTHER, ".": OPEN}[mark] for mark in line])


def test_the_threshold_has_the_fewest_labels_on_the_wrong_side():
    assert best_threshold(sides("++--")) == 2
    assert best_threshold(sides("+++-+++---")) == 7, "one wrong label moves nothing"
    assert best_threshold(sides("++....--")) == 4, "the middle of equally good ones"
    assert best_threshold(sides("....--")) == 2
    assert best_threshold(sides("....")) == 2


def test_the_interval_reaches_from_the_sure_members_to_the_sure_others():
    assert uncertain_interval(sides("++..--")) == (1, 4)
    assert uncertain_interval(sides(".++.-.+..-.-")) == (2, 9)
    assert uncertain_interval(sides("..-.-")) == (0, 2), "no member is known"
    assert uncertain_interval(sides("+..")) == (0, 2), "no other is known"


def test_the_images_around_the_separation_of_a_rare_class_are_asked_first():
    images = 400
    bald = np.linspace(0, 0.5, images)
    labels = np.full(images, UNLABELLED)
    labels[::10] = bald[::10] > 0.3  # the model is not sure of a single bald person
    chosen = Direct().arrange(one_attribute(np.stack([1 - bald, bald], axis=1), labels))
    between = bald[230:241]  # one label below .3 and one above it
    assert ((bald[chosen[:9]] > between[0]) & (bald[chosen[:9]] < between[-1])).all()
    assert bald[chosen[0]] == pytest.approx(between[5], abs=0.002), "the middle comes first"
    assert (bald[chosen[9:40]] > between[-1]).any(), "then both sides"
    assert (bald[chosen[9:40]] < between[0]).any()


def test_the_class_with_the_fewest_labels_has_the_first_turn_and_every_class_has_one():
    p = np.full((300, 3), 0.05)
    p[np.arange(300), np.arange(300) % 3] = 0.9
    labels = np.full(300, UNLABELLED)
    labels[:30] = np.arange(30) % 3
    labels[:27][labels[:27] == 2] = 0
    chosen = Direct().arrange(one_attribute(p, labels))
    assert set(chosen[:12] % 3) == {0, 1, 2}
