"""Clusters of unnamed faces, named people, and the person nearest to each cluster.

Naming a set changes one person and a few clusters, and only what depends on them is computed again. The places of people and
clusters never change; new ones are added at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotator.domain.faces.clusters import LIMIT, cluster_faces
from annotator.domain.faces.nearest_people import (
    Floats,
    Places,
    Sets,
    distances,
    nearest_one,
    no_sets,
    sets_of,
)

NOBODY = -1
"""The person of a face without a name, and the cluster of a face with an answer."""

_FAR = np.float32(1e4)
"""The mean squared norm of a person without faces, which puts them farther from every face than anybody else."""


class People:
    """The people with described faces."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._places: dict[int, int] = {}
        self._counts = np.empty(0, np.int64)
        self._sums = np.empty((0, 129))  # of the descriptors, and of their squared norms
        self._sets = no_sets()

    @property
    def sets(self) -> Sets:
        """Each person's descriptors, in the order of `codes`."""
        return self._sets[: len(self.codes)]

    def place(self, code: int) -> int:
        """Return the place of a person. A new person is added."""
        place = self._places.get(code)
        if place is None:
            place = self._places[code] = len(self.codes)
            self.codes.append(code)
            if place == len(self._counts):  # full: double the room, so that adding stays cheap
                room = max(64, place)
                self._counts = np.concatenate([self._counts, np.zeros(room, np.int64)])
                self._sums = np.concatenate([self._sums, np.zeros((room, 129))])
                self._sets += Sets(np.zeros((room, 128), np.float32), np.full(room, _FAR, np.float32))
        return place

    def find(self, code: int) -> int | None:
        """Find the place of a person; None if the person has no described face."""
        place = self._places.get(code)
        return place if place is not None and self._counts[place] > 0 else None

    def change(self, places: Places, descriptors: Floats, by: int) -> None:
        """Add (`by` 1) or remove (`by` -1) faces of the people at these places."""
        exact = descriptors.astype(np.float64)
        norms = np.einsum("ij,ij->i", exact, exact)
        np.add.at(self._sums, places, by * np.column_stack([exact, norms]))
        np.add.at(self._counts, places, by)
        changed = np.unique(places)
        counts = self._counts[changed]
        averages = self._sums[changed] / np.maximum(counts, 1)[:, None]
        self._sets.means[changed] = averages[:, :128]
        self._sets.norms[changed] = np.where(counts > 0, averages[:, 128], _FAR)


class FaceGroups:
    """Faces with their people, the clusters of unnamed faces, and the person nearest to each cluster.

    Args:
        descriptors: (faces, 128).
        codes: (faces,) the person of each face; negative: no person.
        unnamed: (faces,) whether a face has no answer; "can't tell" is an answer.
    """

    def __init__(self, descriptors: Floats, codes: Places, unnamed: NDArray[np.bool_]) -> None:
        self.descriptors, self.codes, self.unnamed = descriptors, codes.copy(), unnamed.copy()
        self.people = People()
        named = np.flatnonzero(codes >= 0)
        self.people.change(self._places_of(codes[named]), descriptors[named], 1)
        self.cluster = np.full(len(codes), NOBODY)
        self.clusters = no_sets()
        self.nearest: Places = np.empty(0, np.int64)
        self.distance: Floats = np.empty(0, np.float32)
        self._form_clusters(np.flatnonzero(unnamed))

    def change(self, rows: Places, codes: Places, unnamed: NDArray[np.bool_]) -> None:
        """Change the answers of some faces.

        Args:
            rows: the faces.
            codes: the new person of each; negative: no person.
            unnamed: which of them have no answer now.
        """
        moved = (self.codes[rows] != codes) | (self.unnamed[rows] != unnamed)
        rows, codes, unnamed = rows[moved], codes[moved], unnamed[moved]
        people: set[int] = set()
        for row_codes, by in ((self.codes[rows], -1), (codes, 1)):
            some = row_codes >= 0
            places = self._places_of(row_codes[some])
            self.people.change(places, self.descriptors[rows[some]], by)
            people.update(places.tolist())
        self.codes[rows], self.unnamed[rows] = codes, unnamed
        for place in sorted(people):
            self._person_moved(place)
        torn = np.isin(self.cluster, self.cluster[rows]) & (self.cluster != NOBODY)
        torn[rows] = True
        self.cluster[rows] = NOBODY
        self._form_clusters(np.flatnonzero(torn & self.unnamed))

    def _places_of(self, codes: Places) -> Places:
        return np.array([self.people.place(int(code)) for code in codes], np.int64)

    def _form_clusters(self, rows: Places) -> None:
        """Cluster these faces again, without the others."""
        if len(rows) == 0:
            return
        numbers = cluster_faces(self.descriptors[rows], LIMIT)
        formed = sets_of(self.descriptors[rows], numbers, int(numbers.max()) + 1)
        nearest, distance = nearest_one(formed, self.people.sets)
        self.cluster[rows] = len(self.clusters) + numbers
        self.clusters += formed
        self.nearest = np.concatenate([self.nearest, nearest])
        self.distance = np.concatenate([self.distance, distance])

    def _person_moved(self, place: int) -> None:
        """Update the clusters that a changed person affects: those that are nearer to them now, or whose nearest person they were."""
        now = distances(self.clusters, self.people.sets[place : place + 1])[:, 0]
        left = np.flatnonzero((self.nearest == place) & (now > self.distance))
        nearer = now < self.distance
        self.nearest[nearer], self.distance[nearer] = place, now[nearer]
        self.nearest[left], self.distance[left] = nearest_one(self.clusters[left], self.people.sets)
