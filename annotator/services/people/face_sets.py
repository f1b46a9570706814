"""Sets of unnamed faces that probably belong to one person, largest first, and the people whom they resemble."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.faces.nearest_people import Places, distances, nearest, sets_of
from annotator.errors import FacelabelError
from annotator.models import ValueRow
from annotator.project import ProjectFolder
from annotator.services.faces.index import Faces, face_index
from annotator.services.people.held_faces import held_by_others, hold_faces
from annotator.services.schema.active import active_schema
from annotator.services.tasks.leases import leased_to_others

JOIN_DISTANCE = 0.54
"""A cluster at most this far from a person is proposed as that person; docs/lab/measurements.md says how it was chosen."""

MAX_FACES = 60
"""Faces of one set, as many as fit a screen. The rest of a larger set follows as the next set."""

SUGGESTIONS = 5
_TRIES = 3


@dataclass(frozen=True)
class SimilarPerson:
    """A named person and the distance of a set from them."""

    code: int
    name: str
    distance: float


@dataclass(frozen=True)
class FaceSet:
    """Faces that probably belong to one person.

    Args:
        images: the images, least certain first.
        distances: the distance of each image from the person, or from the set's mean without one.
        size: faces of the whole set, with those that follow later.
        proposed: whether the first of `people` is proposed as the person.
        people: the nearest named people.
    """

    images: list[int]
    distances: list[float]
    size: int
    proposed: bool
    people: list[SimilarPerson]


@dataclass(frozen=True)
class FaceSets:
    """What a labeller can confirm now.

    `computing`: faces are being read, so more sets may follow. `people`, `proposed`: as in `FaceSet`, for the faces on the screen.
    """

    sets: list[FaceSet]
    computing: bool
    unnamed: int = 0
    described: int = 0
    people: list[SimilarPerson] = field(default_factory=list)
    proposed: bool = False


def identity_attribute(session: Session) -> tuple[int, str]:
    """The id and name of the attribute that says who somebody is.

    Raises:
        FacelabelError: if the schema has no such attribute.
    """
    identity = active_schema(session).identity
    if identity is None:
        raise FacelabelError(
            "no_identity",
            "The schema has no attribute that says who somebody is.",
            do='Add one to attributes.toml: `[[attribute]]`, `name = "identity"`, `title = "Person"`, `key = "p"`, '
            '`kind = "open"`, `required = false`, `groups = true`; then run `facelabel schema apply`.',
        )
    return identity


def find_sets(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    *,
    count: int,
    showing: Collection[int] = (),
    holding: Collection[int] = (),
    without: Collection[int] = (),
) -> FaceSets:
    """Find the next sets for a labeller, without faces that somebody else looks at and images that somebody else holds.

    Args:
        project: the project.
        session: a reading session.
        labeller_id: the labeller.
        count: the number of sets at most.
        showing: images on the labeller's screen; their nearest people are returned. They are in no set.
        holding: further images that the labeller has loaded. They are in no set.
        without: images that the labeller skipped.

    Raises:
        FacelabelError: if the schema has no attribute for people.
    """
    shown = {*showing, *holding}
    not_free = {
        *shown,
        *without,
        *leased_to_others(session, labeller_id),
        *held_by_others(session, labeller_id),
    }
    for _ in range(_TRIES):
        chosen = _choose_sets(project, session, count, showing, not_free)
        lost = hold_faces(
            project.database, labeller_id, shown, [n for one in chosen.sets for n in one.images]
        )
        if not lost:
            return chosen
        not_free |= lost
    return replace(chosen, sets=[])  # others were faster again and again; the page asks once more


def _choose_sets(
    project: ProjectFolder, session: Session, count: int, showing: Collection[int], not_free: Collection[int]
) -> FaceSets:
    attribute_id, _ = identity_attribute(session)
    index = face_index(project.database, attribute_id)
    with index.lock:
        faces = index.look(session)
        if faces is None:
            return FaceSets([], computing=True)
        free = faces.groups.unnamed.copy()
        free[[faces.rows[image] for image in not_free if image in faces.rows]] = False
        numbers, members = _grouped(faces, np.flatnonzero(free), count)
        sets = [
            _face_set(session, attribute_id, faces, number, rows)
            for number, rows in zip(numbers, members, strict=True)
        ]
        near = _nearest(faces, np.array([faces.rows[n] for n in showing if n in faces.rows], np.int64))
        return FaceSets(
            sets,
            index.computing,
            unnamed=int(faces.groups.unnamed.sum()),
            described=len(faces.images),
            people=_named(session, attribute_id, near),
            proposed=bool(near) and near[0][1] <= JOIN_DISTANCE,
        )


def _grouped(faces: Faces, rows: Places, count: int) -> tuple[list[int], list[Places]]:
    """Form the first `count` sets of some faces, largest first: their numbers, and their members.

    All clusters near one person form one set, whose number is the person's place. Every other cluster is a set, with a number
    after those of people; so are faces of a cluster that somebody said are not this person.
    """
    groups = faces.groups
    people = len(groups.people.codes)
    cluster = groups.cluster[rows]
    person, near = groups.nearest[cluster], groups.distance[cluster] <= JOIN_DISTANCE
    if faces.denied:
        places = {row: at for at, row in enumerate(rows.tolist())}
        for image, code in faces.denied:
            at = places.get(faces.rows.get(image, -1))
            if at is not None and near[at] and groups.people.codes[person[at]] == code:
                near[at] = False
    numbers = np.where(near, person, people + cluster)
    order = np.argsort(numbers, kind="stable")
    sets, starts, sizes = np.unique(numbers[order], return_index=True, return_counts=True)
    ranked = np.argsort(-sizes, kind="stable")[:count]
    members = [rows[order[starts[at] : starts[at] + sizes[at]]] for at in ranked]
    return sets[ranked].tolist(), members


def _face_set(session: Session, attribute_id: int, faces: Faces, number: int, members: Places) -> FaceSet:
    groups = faces.groups
    people = groups.people
    proposed = number < len(people.codes)
    own = sets_of(groups.descriptors[members], np.zeros(len(members), np.int64), 1)
    each = sets_of(groups.descriptors[members], np.arange(len(members)), len(members))
    middle = people.sets[number : number + 1] if proposed else own
    away = distances(each, middle)[:, 0]
    shown = np.argsort(away, kind="stable")[:MAX_FACES][::-1]
    candidates = _nearest(faces, members)
    if proposed:
        first = people.codes[number]
        candidates.sort(key=lambda candidate: candidate[0] != first)
    return FaceSet(
        images=faces.images[members[shown]].tolist(),
        distances=[round(float(d), 3) for d in away[shown]],
        size=len(members),
        proposed=proposed,
        people=_named(session, attribute_id, candidates),
    )


def _nearest(faces: Faces, members: Places) -> list[tuple[int, float]]:
    """The people nearest to a set, with distances, without people whom one of its faces was said not to be."""
    if len(members) == 0:
        return []
    groups, people = faces.groups, faces.groups.people
    images = set(faces.images[members].tolist())
    denied = {code for image, code in faces.denied if image in images}
    own = sets_of(groups.descriptors[members], np.zeros(len(members), np.int64), 1)
    places, far = nearest(own, people.sets, SUGGESTIONS + len(denied))
    candidates = [(people.codes[place], float(d)) for place, d in zip(places, far, strict=True)]
    return [(c, d) for c, d in candidates if c not in denied and people.find(c) is not None][:SUGGESTIONS]


def resembling(project: ProjectFolder, session: Session, code: int) -> list[SimilarPerson]:
    """Find the people nearest to a person, who may be the same person. Empty while the faces are being read."""
    attribute_id, _ = identity_attribute(session)
    index = face_index(project.database, attribute_id)
    with index.lock:
        faces = index.look(session)
        people = faces.groups.people if faces is not None else None
        place = people.find(code) if people is not None else None
        if people is None or place is None:
            return []
        places, far = nearest(people.sets[place : place + 1], people.sets, SUGGESTIONS + 1)
        others = [(people.codes[at], float(d)) for at, d in zip(places, far, strict=True) if at != place]
        others = [(code, d) for code, d in others if people.find(code) is not None]
    return _named(session, attribute_id, others[:SUGGESTIONS])


def _named(session: Session, attribute_id: int, people: list[tuple[int, float]]) -> list[SimilarPerson]:
    query = select(ValueRow.code, ValueRow.name).where(
        ValueRow.attribute_id == attribute_id, ValueRow.code.in_([code for code, _ in people])
    )
    names = dict(session.execute(query).all())
    return [SimilarPerson(code, names[code], round(distance, 3)) for code, distance in people]
