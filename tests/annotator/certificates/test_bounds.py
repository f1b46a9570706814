"""The bounds are those of the hypergeometric distribution, counted exactly."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from annotator.domain.certificates.bounds import (
    chance_of_at_most,
    lower_bound,
    tolerated,
    tolerated_each,
    upper_bound,
)
from annotator.domain.certificates.target import level_of_attempt


def exact_chance(seen: int, population: int, marked: int, sample: int) -> Fraction:
    """The same chance in whole numbers."""
    ways = sum(comb(marked, i) * comb(population - marked, sample - i) for i in range(seen + 1))
    return Fraction(ways, comb(population, sample))


@pytest.mark.parametrize(("population", "sample"), [(1, 0), (1, 1), (12, 5), (40, 1), (40, 39), (60, 20)])
def test_bounds_equal_those_counted_in_whole_numbers(population: int, sample: int):
    for level in (0.041, 0.19):
        for seen in range(sample + 1):
            possible = [
                marked
                for marked in range(seen, population - sample + seen + 1)
                if exact_chance(seen, population, marked, sample) > level
            ]
            assert upper_bound(population, sample, seen, level) == max(possible)
            assert lower_bound(population, sample, sample - seen, level) == population - max(possible)


@pytest.mark.parametrize(("population", "sample"), [(12, 5), (30, 29), (60, 20)])
def test_the_tolerated_number_is_the_largest_that_leaves_few_enough(population: int, sample: int):
    for remaining in range(-1, population + 1):
        fit = [
            seen
            for seen in range(sample + 1)
            if upper_bound(population, sample, seen, 0.04) - seen <= remaining
        ]
        assert tolerated(population, sample, remaining, 0.04) == max(fit, default=-1)


def test_many_tolerated_numbers_are_those_computed_alone():
    remaining = np.random.default_rng(0).integers(-1, 60, 200)
    alone = [tolerated(900, 250, int(number), 0.04) for number in remaining]
    assert tolerated_each(900, 250, remaining, 0.04).tolist() == alone


def test_a_million_items_have_an_exact_bound_too():
    population, sample, seen = 1_000_000, 2_000, 11
    bound = upper_bound(population, sample, seen, 0.05)
    assert exact_chance(seen, population, bound, sample) > Fraction(1, 20)
    assert exact_chance(seen, population, bound + 10, sample) <= Fraction(1, 20)
    assert chance_of_at_most(seen, population, bound, sample) == pytest.approx(
        float(exact_chance(seen, population, bound, sample)), rel=1e-6
    )


def test_the_levels_of_all_attempts_sum_to_the_whole():
    assert level_of_attempt(1) == pytest.approx(0.04)
    assert sum(level_of_attempt(k) for k in range(1, 60)) == pytest.approx(0.05)
    assert sum(level_of_attempt(k, 0.9) for k in range(1, 60)) == pytest.approx(0.1)
