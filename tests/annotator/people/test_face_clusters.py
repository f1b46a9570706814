"""Face clusters are deterministic and equal to exact average linkage."""

import numpy as np
import pytest

from annotator.domain.faces.clusters import cluster_faces, near_pairs
from annotator.domain.faces.nearest_groups import FaceGroups
from annotator.domain.faces.nearest_people import distances, nearest_one, sets_of


def people(count: int, faces: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors of so many people with so many faces each, and who is who."""
    chance = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), faces)
    middles = chance.normal(size=(count, 128)) / np.sqrt(128)
    found = middles[who] + spread * chance.normal(size=(len(who), 128)) / np.sqrt(128)
    return found.astype(np.float32), who


def average_linkage(descriptors: np.ndarray, limit: float) -> list[set[int]]:
    """By the book: of all pairs of clusters merge the nearest, one after the other."""
    exact = descriptors.astype(np.float64)
    squares = ((exact[:, None] - exact[None]) ** 2).sum(axis=2)
    clusters = [{place} for place in range(len(exact))]
    while len(clusters) > 1:
        pairs = [
            (squares[np.ix_(sorted(a), sorted(b))].mean(), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters)
            if i < j
        ]
        nearest, i, j = min(pairs)
        if nearest > limit**2:
            break
        clusters[i] |= clusters.pop(j)
    return clusters


@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_those_of_average_linkage(seed: int):
    descriptors, _ = people(6, 5, spread=0.5, seed=seed)
    for limit in (0.5, 0.7, 0.9):
        numbers = cluster_faces(descriptors, limit)
        found = [set(np.flatnonzero(numbers == number)) for number in range(numbers.max() + 1)]
        assert sorted(map(sorted, found)) == sorted(map(sorted, average_linkage(descriptors, limit)))


def test_clear_people_are_found_whatever_the_order():
    descriptors, who = people(50, 8, spread=0.2)
    order = np.random.default_rng(1).permutation(len(who))
    numbers = cluster_faces(descriptors[order])
    assert len(np.unique(np.stack([numbers, who[order]]), axis=1).T) == numbers.max() + 1 == 50
    assert (cluster_faces(descriptors[order]) == numbers).all()


def test_pairs_are_found_across_blocks():
    descriptors, _ = people(1, 2000, spread=0.0)
    descriptors[:, 0] += np.arange(2000)  # each is near to nobody
    descriptors[1999] = descriptors[3]
    assert near_pairs(descriptors, 0.1).tolist() == [[3, 1999]]


def test_without_faces_there_are_no_clusters():
    assert cluster_faces(np.empty((0, 128), np.float32)).tolist() == []
    assert cluster_faces(np.zeros((1, 128), np.float32)).tolist() == [0]


def test_a_distance_is_the_root_of_the_mean_of_all_pairs():
    descriptors, who = people(2, 4, spread=0.5)
    sets = sets_of(descriptors, who, 2)
    squares = ((descriptors[:4, None] - descriptors[None, 4:]) ** 2).sum(axis=2)
    assert distances(sets, sets)[0, 1] == pytest.approx(np.sqrt(squares.mean()), rel=1e-4)


def test_small_changes_lead_to_what_a_new_beginning_would_find():
    descriptors, who = people(12, 6, spread=0.4)
    none, every = np.full(len(who), -1), np.ones(len(who), bool)
    groups = FaceGroups(descriptors, none, every)
    chance = np.random.default_rng(2)
    codes, unnamed = none.copy(), every.copy()
    for _ in range(30):
        rows = np.unique(chance.integers(len(who), size=5))
        codes[rows] = np.where(chance.random(len(rows)) < 0.7, who[rows] % 5, -1)
        unnamed[rows] = codes[rows] < 0
        groups.change(rows, codes[rows], unnamed[rows])
    assert (groups.codes == codes).all()
    assert ((groups.cluster >= 0) == unnamed).all()
    anew = FaceGroups(descriptors, codes, unnamed)
    ours = [groups.people.sets.means[groups.people.place(code)] for code in range(5)]
    theirs = [anew.people.sets.means[anew.people.place(code)] for code in range(5)]
    assert np.allclose(ours, theirs, atol=1e-5)
    places, far = nearest_one(groups.clusters, groups.people.sets)
    alive = np.unique(groups.cluster[unnamed])
    assert np.allclose(groups.distance[alive], far[alive], atol=1e-4)
    assert (groups.nearest[alive] == places[alive]).mean() > 0.99
