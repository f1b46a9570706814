"""Majority vote and Dawid-Skene, against a reference implementation, the paper's data and raters of known errors."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.domain.agreement.aggregation import majority_vote
from annotator.domain.agreement.dawid_skene import dawid_skene
from annotator.domain.agreement.ratings import Ratings
from annotator.errors import FacelabelError
from tests.support.decisions import decision_of

ANSWERS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 4), st.sampled_from([0, 1, 2, None])), max_size=60
)

# Dawid & Skene (1979), table 1: 45 patients; the first observer saw each three times, four others once.
ANAESTHETISTS = """
    1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212
    1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111
    1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111
    2322222 1211111 2222222
"""


def simulate(random, confusions, items, per_item):
    """Answers of raters with known confusions to items of equally frequent categories, and the truth."""
    raters, categories, _ = confusions.shape
    truth = random.integers(categories, size=items)
    triples = [
        (item, int(rater), int(random.choice(categories, p=confusions[rater, truth[item]])))
        for item in range(items)
        for rater in random.choice(raters, per_item, replace=False)
    ]
    return triples, truth


def known_confusions(random, raters, categories):
    """Raters from careful to careless, each with different errors."""
    right = np.linspace(0.95, 0.55, raters)
    errors = random.dirichlet(np.ones(categories), size=(raters, categories))
    return right[:, None, None] * np.eye(categories) + (1 - right)[:, None, None] * errors


@pytest.fixture(scope="module")
def crowdkit():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own and its dependencies' deprecations
        return pytest.importorskip(
            "crowdkit.aggregation", reason="crowd-kit or a dependency is not installed"
        )


def as_frame(triples):
    import pandas as pd

    return pd.DataFrame(triples, columns=["task", "worker", "label"])


@pytest.mark.parametrize(("raters", "categories", "per_item"), [(6, 2, 4), (8, 4, 5), (12, 7, 5)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_dawid_skene_gives_what_crowd_kit_gives(crowdkit, raters, categories, per_item):
    random = np.random.default_rng(0)
    triples, _ = simulate(random, known_confusions(random, raters, categories), 400, per_item)
    ours = dawid_skene(Ratings.read(triples), smoothing=1e-10, tolerance=1e-14, iterations=5000)
    theirs = crowdkit.DawidSkene(n_iter=5000, tol=1e-11).fit(as_frame(triples))
    np.testing.assert_allclose(ours.posteriors, theirs.probas_.sort_index().sort_index(axis=1), atol=1e-3)
    np.testing.assert_allclose(ours.prior, theirs.priors_.sort_index(), atol=1e-3)
    for rater in range(raters):
        errors = theirs.errors_.loc[rater].sort_index().sort_index(axis=1)  # [answer, truth]
        np.testing.assert_allclose(ours.confusions[rater], errors.T, atol=1e-3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_majority_vote_gives_what_crowd_kit_gives_where_there_is_no_tie(crowdkit):
    random = np.random.default_rng(4)
    triples, _ = simulate(random, known_confusions(random, 9, 4), 500, 4)
    ours = decision_of(majority_vote(Ratings.read(triples)))
    theirs = crowdkit.MajorityVote().fit_predict(as_frame(triples)).to_dict()
    assert len(ours.undecided) > 20
    assert ours.labels == {item: code for item, code in theirs.items() if item not in ours.undecided}
    assert all(theirs[item] in codes for item, codes in ours.undecided.items())


def test_dawid_skene_finds_the_shares_and_errors_of_the_paper():
    triples = [
        (patient, max(0, column - 2), int(code))
        for patient, codes in enumerate(ANAESTHETISTS.split())
        for column, code in enumerate(codes)
    ]
    fitted = dawid_skene(Ratings.read(triples, repeats=True), smoothing=1e-10)
    np.testing.assert_allclose(fitted.prior, [0.40, 0.42, 0.11, 0.07], atol=0.005)
    np.testing.assert_allclose(fitted.confusions[0][:2, :2], [[0.89, 0.11], [0.07, 0.88]], atol=0.005)
    assert fitted.converged


def test_dawid_skene_recovers_known_confusions_and_beats_the_majority():
    random = np.random.default_rng(11)
    known = known_confusions(random, 6, 3)
    known[5] = known[5][[1, 2, 0]]  # and one who takes each category for the next
    triples, truth = simulate(random, known, 4000, 4)
    ratings = Ratings.read(triples)
    fitted = dawid_skene(ratings)
    assert np.abs(fitted.confusions - known).max() < 0.05
    assert np.abs(fitted.prior - 1 / 3).max() < 0.03

    def right(decision):
        return sum(code == truth[item] for item, code in decision.labels.items())

    assert right(decision_of(fitted)) > right(decision_of(majority_vote(ratings))) + 100


def test_known_answers_show_who_errs_where_most_err_alike():
    triples = [(item, rater, 0 if rater else item % 2) for item in range(40) for rater in range(3)]
    ratings = Ratings.read(triples)
    assert dawid_skene(ratings).posteriors[:, 0].min() > 0.8
    fitted = dawid_skene(ratings, known={item: item % 2 for item in range(20)} | {99: 0, 39: 7})
    np.testing.assert_allclose(fitted.posteriors[:, 1], np.arange(40) % 2, atol=0.01)
    assert fitted.confusion(1)[1, 0] > 0.99


def test_posteriors_are_calibrated_on_raters_that_the_model_describes():
    random = np.random.default_rng(12)
    triples, truth = simulate(random, known_confusions(random, 6, 3), 5000, 2)
    posteriors = dawid_skene(Ratings.read(triples)).posteriors
    right = posteriors.argmax(axis=1) == truth
    assert abs(posteriors.max(axis=1).mean() - right.mean()) < 0.02


@given(ANSWERS, st.booleans(), st.sampled_from([1e-10, 0.01, 1.0]), st.integers(0, 3))
def test_the_objective_never_falls_and_everything_is_a_probability(triples, cannot_tell, smoothing, gold):
    ratings = Ratings.read(triples, cannot_tell=cannot_tell)
    known = dict.fromkeys(ratings.items[:gold], ratings.categories[-1]) if ratings.categories else {}
    fitted = dawid_skene(ratings, known=known, smoothing=smoothing)
    objective = np.array(fitted.objective)
    assert (np.diff(objective) >= -1e-9 * (1 + np.abs(objective[:-1]))).all()
    assert fitted.log_likelihood <= 1e-9
    np.testing.assert_allclose(fitted.posteriors.sum(axis=1), 1)
    np.testing.assert_allclose(fitted.confusions.sum(axis=2), 1)
    assert set(decision_of(fitted).labels) | set(decision_of(fitted).undecided) == set(ratings.items)


@given(st.integers(0, 50), st.permutations(range(5)), st.permutations([0, 1, 2]))
@settings(max_examples=30)
def test_other_names_for_raters_and_values_change_nothing(seed, raters, codes):
    random = np.random.default_rng(seed)
    triples, _ = simulate(random, known_confusions(random, 5, 3), 60, 3)
    renamed = [(item, raters[rater], codes[code]) for item, rater, code in triples]
    random.shuffle(renamed)
    before, after = dawid_skene(Ratings.read(triples)), dawid_skene(Ratings.read(renamed))
    np.testing.assert_allclose(after.posteriors[:, codes], before.posteriors, atol=1e-3)
    voted, revoted = (decision_of(majority_vote(Ratings.read(said))) for said in (triples, renamed))
    assert revoted.labels == {item: codes[code] for item, code in voted.labels.items()}
    assert revoted.undecided == {
        item: tuple(sorted(codes[code] for code in level)) for item, level in voted.undecided.items()
    }


@given(st.lists(st.sampled_from([0, 1, 2, None]), min_size=1, max_size=30), st.integers(2, 6))
def test_raters_who_are_always_right_give_sure_posteriors(truth, raters):
    triples = [(item, rater, code) for item, code in enumerate(truth) for rater in range(raters)]
    ratings = Ratings.read(triples, cannot_tell=True)
    fitted = dawid_skene(ratings)
    assert decision_of(fitted).labels == decision_of(majority_vote(ratings)).labels == dict(enumerate(truth))
    assert fitted.posteriors.max(axis=1).min() > 0.99


@given(ANSWERS)
def test_majority_vote_counts_every_last_answer_once(triples):
    decision = decision_of(majority_vote(Ratings.read(triples)))
    votes = {}
    for (item, _), code in {(item, rater): code for item, rater, code in triples}.items():
        if code is not None:
            votes.setdefault(item, []).append(code)
    for item, codes in votes.items():
        most = max(codes.count(code) for code in codes)
        leading = tuple(code for code in (0, 1, 2) if codes.count(code) == most)
        assert decision.undecided.get(item, (decision.labels.get(item),)) == leading
    assert set(decision.labels) | set(decision.undecided) == set(votes)


def test_a_tie_is_reported_and_not_broken_and_cannot_tell_can_win():
    triples = [("a", 1, 0), ("a", 2, 1), ("b", 1, None), ("b", 2, None), ("b", 3, 1), ("c", 1, 1)]
    decision = decision_of(majority_vote(Ratings.read(triples, cannot_tell=True)))
    assert decision.labels == {"b": None, "c": 1}
    assert decision.undecided == {"a": (0, 1)}
    assert decision_of(majority_vote(Ratings.read(triples))).labels == {"b": 1, "c": 1}


def test_two_raters_who_always_differ_leave_dawid_skene_undecided():
    fitted = dawid_skene(Ratings.read([(item, rater, rater) for item in range(6) for rater in range(2)]))
    assert decision_of(fitted).labels == {}
    assert decision_of(fitted).undecided == dict.fromkeys(range(6), (0, 1))


def test_the_same_answers_give_the_same_numbers_and_a_rater_s_confusion_can_be_read():
    random = np.random.default_rng(2)
    triples, _ = simulate(random, known_confusions(random, 4, 3), 100, 3)
    first, again = dawid_skene(Ratings.read(triples)), dawid_skene(Ratings.read(triples))
    assert np.array_equal(first.posteriors, again.posteriors)
    assert first.objective == again.objective
    confusion = first.confusion(0)
    assert confusion[1, 2] == first.confusions[0, 1, 2]
    assert sum(confusion[1, code] for code in range(3)) == pytest.approx(1)


def test_hundreds_of_raters_of_one_item_do_not_underflow():
    triples = [(item, rater, (item + (rater % 10 == 0)) % 2) for item in range(10) for rater in range(600)]
    fitted = dawid_skene(Ratings.read(triples))
    assert decision_of(fitted).labels == {item: item % 2 for item in range(10)}


def test_an_open_attribute_of_too_many_people_is_refused_with_a_word():
    ratings = Ratings.read((item, rater, item) for item in range(3000) for rater in range(2))
    with pytest.raises(FacelabelError, match="majority vote"):
        dawid_skene(ratings)
    assert len(decision_of(majority_vote(ratings)).labels) == 3000


def test_smoothing_must_be_more_than_nothing():
    with pytest.raises(ValueError, match="smoothing"):
        dawid_skene(Ratings.read([(1, 1, 1)]), smoothing=0)
