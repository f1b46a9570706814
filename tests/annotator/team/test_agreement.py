"""Agreement coefficients equal the published tables and the plain definitions, and are None where undefined."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.domain.agreement.coefficients import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from annotator.domain.agreement.ratings import Ratings

EVERY = (percent_agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha)
BY_CHANCE = EVERY[1:]


def from_counts(rows):
    """A table items × categories of how many answers: who gave them does not matter."""
    return Ratings.read(
        (item, rater, code)
        for item, row in enumerate(rows)
        for rater, code in enumerate(code for code, count in enumerate(row) for _ in range(count))
    )


def from_observers(*observers):
    """One string per observer, a character per unit; a dot is a missing answer."""
    return Ratings.read(
        (unit, rater, ord(code))
        for rater, codes in enumerate(observers)
        for unit, code in enumerate(codes)
        if code != "."
    )


def from_confusion(table):
    """A table of two raters: row is the first one's answer, column the second one's."""
    pairs = [(a, b) for a, row in enumerate(table) for b, count in enumerate(row) for _ in range(count)]
    return Ratings.read(
        (item, rater, code) for item, pair in enumerate(pairs) for rater, code in enumerate(pair)
    )


# Fleiss (1971), table 1: depression, personality disorder, schizophrenia, neurosis, other; six answers a patient.
PATIENTS = """
    00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
    00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# The example of fourteen raters, ten subjects and five categories at en.wikipedia.org/wiki/Fleiss'_kappa.
SUBJECTS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
# Krippendorff (2011), C: four observers, twelve units, missing answers; the last unit has one answer only.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def test_fleiss_kappa_is_that_of_fleiss_1971():
    rows = [[int(count) for count in row] for row in PATIENTS.split()]
    assert [sum(column) for column in zip(*rows, strict=True)] == [26, 26, 30, 55, 43]  # his column totals
    ratings = from_counts(rows)
    assert round(percent_agreement(ratings).value, 3) == 0.556  # P, which he gives as .555
    assert round(fleiss_kappa(ratings).value, 3) == 0.430


def test_fleiss_kappa_is_that_of_the_example_with_fourteen_raters():
    ratings = from_counts(SUBJECTS)
    assert round(percent_agreement(ratings).value, 3) == 0.378
    assert round(fleiss_kappa(ratings).value, 3) == 0.210


def test_fleiss_kappa_of_varying_numbers_is_that_of_fleiss_and_cuzick_by_hand():
    # Two values; m = 2, 3, 4 with x = 2, 1, 0 of the second: Σ x(m-x)/m = 2/3, Σ(m-1) = 6, p = 3/9.
    kappa = fleiss_kappa(from_counts([[0, 2], [2, 1], [4, 0]]))
    assert kappa.value == pytest.approx(1 - (2 / 3) / (6 * (1 / 3) * (2 / 3)))


def test_krippendorff_alpha_is_that_of_krippendorff_2011_with_missing_answers():
    alpha = krippendorff_alpha(from_observers(*OBSERVERS))
    assert round(alpha.value, 3) == 0.743
    assert (alpha.items, alpha.answers) == (11, 40)  # his n.. = 40: the twelfth unit cannot be paired


def test_krippendorff_alpha_is_that_of_krippendorff_2011_for_two_observers():
    binary = krippendorff_alpha(from_observers("0100000010", "1110010000"))
    assert round(binary.value, 3) == 0.095
    assert binary.value == pytest.approx(1 - 19 * 4 / (14 * 6))  # his formula: 1 - (n-1) o_01 / (n_0 n_1)
    many_values = krippendorff_alpha(from_observers("aabbdcccedda", "babbbccceddd"))
    assert round(many_values.value, 3) == 0.692


def test_krippendorff_alpha_is_that_of_the_example_with_three_coders():
    # en.wikipedia.org/wiki/Krippendorff's_alpha: fifteen units, nominal .691
    coders = (".....34121133.3", "1.213343.......", "..21344.21133.4")
    assert round(krippendorff_alpha(from_observers(*coders)).value, 3) == 0.691


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], (0.70 - 0.41) / (1 - 0.41)),  # Cohen (1960): .492
        ([[25, 13, 12], [12, 2, 16], [3, 15, 2]], (0.29 - 0.35) / (1 - 0.35)),  # Cohen (1960): -.09
        ([[20, 5], [10, 15]], 0.40),  # the textbook's grant proposals: p_o .70, p_e .50
        ([[45, 15], [25, 15]], 0.1304347826),  # the same p_o of .60 …
        ([[25, 35], [5, 35]], 0.2592592593),  # … with other shares
    ],
)
def test_cohen_kappa_is_that_of_published_tables(table, kappa):
    assert cohen_kappa(from_confusion(table)).value == pytest.approx(kappa)


ANSWERS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 4), st.sampled_from([0, 1, 2, None])), max_size=50
)


def pairs_within_items(triples):
    """Every ordered pair of answers to one item by two raters, with 1 / (m - 1): the coincidences."""
    cells = {(item, rater): code for item, rater, code in triples}
    by_item = {}
    for (item, _), code in cells.items():
        if code is not None:
            by_item.setdefault(item, []).append(code)
    for codes in by_item.values():
        for a, b in itertools.permutations(codes, 2):
            yield a, b, 1 / (len(codes) - 1)


@given(ANSWERS)
def test_krippendorff_alpha_is_one_minus_observed_over_expected_coincidences(triples):
    alpha = krippendorff_alpha(Ratings.read(triples), replicates=0)
    coincidences = list(pairs_within_items(triples))
    if alpha.value is not None:
        n_of = {k: sum(w for a, _, w in coincidences if a == k) for k in range(3)}
        n = sum(n_of.values())
        observed = sum(w for a, b, w in coincidences if a != b) / n
        expected = sum(n_of[a] * n_of[b] for a, b in itertools.permutations(range(3), 2)) / (n * (n - 1))
        assert alpha.value == pytest.approx(1 - observed / expected)
    else:
        assert len({a for a, _, _ in coincidences}) < 2 or alpha.items < 2


@given(ANSWERS, st.booleans())
def test_no_answers_whatever_give_nan_or_a_warning_and_a_missing_coefficient_has_a_reason(
    triples, cannot_tell
):
    for coefficient in EVERY:
        agreement = coefficient(Ratings.read(triples, cannot_tell=cannot_tell), replicates=20)
        assert (agreement.value is None or agreement.interval is None) == (agreement.reason is not None)
        if agreement.value is not None:
            assert math.isfinite(agreement.value)
            assert agreement.value <= 1 + 1e-12
        else:
            assert agreement.interval is None
        if agreement.interval is not None:
            assert -1.5 < agreement.interval.low < agreement.interval.high <= 1 + 1e-12


@given(ANSWERS, st.permutations(range(5)), st.permutations(range(3)), st.randoms())
def test_other_names_for_raters_and_values_and_another_order_change_nothing(triples, raters, codes, random):
    cells = {(item, rater): code for item, rater, code in triples}
    renamed = [
        (item, raters[rater], None if code is None else codes[code]) for (item, rater), code in cells.items()
    ]
    random.shuffle(renamed)
    for coefficient in EVERY:
        before = coefficient(Ratings.read(triples), replicates=20)
        after = coefficient(Ratings.read(renamed), replicates=20)
        assert after.reason == before.reason
        if before.value is not None:
            assert after.value == pytest.approx(before.value)
        if before.interval is not None:
            assert after.interval.low == pytest.approx(before.interval.low)
            assert after.interval.high == pytest.approx(before.interval.high)


@pytest.mark.parametrize(
    ("triples", "reason"),
    [
        ([], "fewer than two labellers"),
        ([(1, "ann", 0), (2, "ann", 1)], "fewer than two labellers"),
        ([(1, "ann", 0), (2, "bob", 1)], "fewer than two items"),
        ([(1, "ann", 0), (1, "bob", 1)], "fewer than two items"),
        ([(1, "ann", 0), (1, "bob", 1), (2, "ann", None), (2, "bob", 1)], "fewer than two items"),
    ],
)
def test_too_few_answers_give_none_and_the_reason(triples, reason):
    for coefficient in EVERY:
        agreement = coefficient(Ratings.read(triples))
        assert (agreement.value, agreement.interval) == (None, None)
        assert reason in agreement.reason


def test_one_value_only_has_full_agreement_and_no_chance_corrected_one():
    ratings = from_confusion([[9]])
    assert percent_agreement(ratings).value == 1
    for coefficient in BY_CHANCE:
        assert coefficient(ratings).value is None
        assert "same value" in coefficient(ratings).reason


def test_full_agreement_has_no_interval_since_resampling_cannot_show_how_sure_it_is():
    for coefficient in EVERY:
        agreement = coefficient(from_confusion([[5, 0], [0, 5]]))
        assert (agreement.value, agreement.interval) == (1, None)
        assert "no spread" in agreement.reason


def test_a_single_exception_among_many_items_is_too_little_for_an_interval():
    kappa = fleiss_kappa(from_confusion([[30, 1], [0, 0]]))
    assert kappa.value == pytest.approx(-1 / 61)
    assert kappa.interval is None
    assert "too few items" in kappa.reason


def test_cohen_kappa_of_three_labellers_asks_for_a_pair_and_takes_one():
    triples = [(i, who, code) for i in range(4) for who, code in (("a", i % 2), ("b", i // 2), ("c", i % 2))]
    ratings = Ratings.read(triples)
    assert "two labellers, not 3" in cohen_kappa(ratings).reason
    assert cohen_kappa(ratings.between("c", "a")).value == 1
    assert cohen_kappa(ratings.between("a", "b")).value == 0
    assert "fewer than two labellers" in cohen_kappa(ratings.between("a", "somebody new")).reason


def test_cannot_tell_is_missing_or_a_separate_value():
    triples = [
        (i, who, code) for i in range(10) for who, code in (("a", i % 2), ("b", None if i < 4 else i % 2))
    ]
    missing, own = Ratings.read(triples), Ratings.read(triples, cannot_tell=True)
    assert (percent_agreement(missing).value, percent_agreement(missing).items) == (1, 6)
    assert (percent_agreement(own).value, percent_agreement(own).items) == (0.6, 10)
    assert own.categories == (0, 1, None)


def test_a_later_answer_to_the_same_cell_supersedes_the_earlier():
    triples = [(1, "a", 0), (1, "b", 1), (2, "a", 1), (2, "b", 1), (1, "b", 0)]
    assert percent_agreement(Ratings.read(triples)).value == 1
    assert percent_agreement(Ratings.read([*triples, (1, "b", None)])).items == 1


def noisy_pairs(random, items):
    """Two raters right in 85 % of the cases, three equal classes; kappa follows from their confusions."""
    confusion = np.full((3, 3), 0.075) + np.eye(3) * 0.775
    truth = random.integers(3, size=items)
    return [
        (item, rater, int(random.choice(3, p=confusion[truth[item]])))
        for item in range(items)
        for rater in range(2)
    ]


def test_the_interval_holds_the_true_kappa_about_as_often_as_it_says():
    agreeing = 0.85**2 + 2 * 0.075**2
    truth = (agreeing - 1 / 3) / (2 / 3)
    random = np.random.default_rng(3)
    held = 0
    for _ in range(150):
        interval = cohen_kappa(Ratings.read(noisy_pairs(random, 80)), replicates=200).interval
        held += interval.low <= truth <= interval.high
    assert 0.89 <= held / 150 <= 0.99


def test_the_interval_is_the_same_every_time_and_says_how_it_was_drawn():
    ratings = from_counts(SUBJECTS)
    first, again, other = fleiss_kappa(ratings), fleiss_kappa(ratings), fleiss_kappa(ratings, seed=1)
    assert first == again
    assert (first.interval.groups, first.interval.replicates, first.interval.seed) == (10, 1000, 0)
    assert other.value == first.value
    assert other.interval != first.interval


def test_copies_of_an_item_in_one_group_do_not_make_the_interval_narrower():
    once = noisy_pairs(np.random.default_rng(5), 60)
    copies = [(item + 1000 * copy, rater, code) for copy in range(5) for item, rater, code in once]
    groups = {item: f"person:{item % 1000:03}" for item, _, _ in copies}
    grouped = cohen_kappa(Ratings.read(copies, groups=groups))
    single, careless = cohen_kappa(Ratings.read(once)), cohen_kappa(Ratings.read(copies))
    assert grouped.value == pytest.approx(single.value)
    assert grouped.interval.low == pytest.approx(single.interval.low)
    assert grouped.interval.high == pytest.approx(single.interval.high)
    width = single.interval.high - single.interval.low
    assert careless.interval.high - careless.interval.low < 0.6 * width


def test_one_group_for_all_items_gives_a_coefficient_without_an_interval():
    triples = noisy_pairs(np.random.default_rng(7), 20)
    kappa = cohen_kappa(Ratings.read(triples, groups=dict.fromkeys(range(20), "one video")))
    assert kappa.value == cohen_kappa(Ratings.read(triples)).value
    assert kappa.interval is None
    assert "one group" in kappa.reason


def test_thousands_of_people_as_values_are_no_trouble():
    triples = [(i, rater, i if i % 10 else i + rater) for i in range(5000) for rater in range(2)]
    assert krippendorff_alpha(Ratings.read(triples), replicates=10).value == pytest.approx(0.9, abs=1e-3)
