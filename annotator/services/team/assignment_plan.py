"""What an assignment would do: the images that it is about, shared out among people, and counted before anything is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.grouping.shares import place_of, stretch_ends
from annotator.errors import NotFound, WrongUse
from annotator.models import Image, Labeller, Lease, now
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.review.filters import Filters
from annotator.services.review.listing import next_window, prepare_search
from annotator.services.tasks.assigned import unassigned
from annotator.services.tasks.settings import team_settings

MOST_PEOPLE = 50


@dataclass(frozen=True)
class Wanted:
    """An assignment as it is asked for.

    Args:
        people: labeller → the share of the images that they get, above 0 and at most 1 together. If no share is given, each
            image goes to the first of these people who asks.
        filters: which images; None: all open ones.
        view: the same filters as the page sent them, to show them again.
        covers_new: whether later images are shared out in the same way; only for shares of all open images.
    """

    people: Mapping[int, float | None]
    filters: Filters | None = None
    view: dict[str, Any] | None = None
    covers_new: bool = False

    @property
    def in_shares(self) -> bool:
        """Whether every image goes to one person."""
        return None not in self.people.values()

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        body = ["assign", sorted(self.people.items()), self.view, self.covers_new]
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Part:
    """What some people get. `held`: images that somebody else is labelling now and keeps."""

    people: tuple[int, ...]
    share: float | None
    images: int
    held: int


@dataclass(frozen=True)
class Preview:
    """What an assignment would do.

    Args:
        images: the images that it assigns.
        groups: the groups that they belong to, which stay together.
        rest: images that nobody gets alone, because the shares are less than the whole.
        assigned: images that are assigned already, and stay so.
        done: images of the view that are done, and need nobody.
        overlapped: images among them that several people answer.
        opinions: by how many people.
        parts: what each gets.
    """

    images: int
    groups: int
    rest: int
    assigned: int
    done: int
    overlapped: int
    opinions: int
    parts: tuple[Part, ...]

    @property
    def lacking(self) -> bool:
        """Whether the people of a part are too few for its overlapped images."""
        return self.overlapped > 0 and any(len(part.people) < self.opinions for part in self.parts)


@dataclass(frozen=True)
class Stretch:
    """The images of some people, and the stretch of groups (domain/grouping/shares) that they come from."""

    people: tuple[int, ...]
    share: float | None
    first: float
    end: float
    images: list[int]


@dataclass
class _Chosen:
    """The open images that an assignment is about, by group, and how many it leaves out."""

    of_group: dict[str, list[int]] = field(default_factory=dict)
    assigned: int = 0
    done: int = 0


def preview_assignment(project: ProjectFolder, session: Session, wanted: Wanted) -> Preview:
    """Count what an assignment would do now; nothing is stored.

    Raises:
        WrongUse: if nobody is named, or the shares are wrong.
        NotFound: if there is no such labeller, or one of them cannot log in.
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
    """
    chosen, stretches = _choose(project, session, wanted)
    parts = [
        Part(one.people, one.share, len(one.images), _count_held(session, one.images, one.people))
        for one in stretches
    ]
    settings, total = team_settings(session), sum(map(len, chosen.of_group.values()))
    images = sum(part.images for part in parts)
    return Preview(
        images=images,
        groups=len(chosen.of_group),
        rest=total - images,
        assigned=chosen.assigned,
        done=chosen.done,
        overlapped=_count_overlapped(session, stretches, settings.overlap_end),
        opinions=settings.overlap_opinions,
        parts=tuple(parts),
    )


def _check(session: Session, wanted: Wanted) -> None:
    shares = [share for share in wanted.people.values() if share is not None]
    if not 1 <= len(wanted.people) <= MOST_PEOPLE:
        raise WrongUse("nobody_named", "Nobody was named.", do=f"Name 1 to {MOST_PEOPLE} people.")
    if shares and (not wanted.in_shares or min(shares) <= 0 or sum(shares) > 1 + 1e-9):
        raise WrongUse(
            "bad_shares",
            "The shares are wrong.",
            do="Give each person more than 0 %, and at most 100 % together; or nobody a share.",
        )
    if not shares and wanted.filters is None and wanted.covers_new:
        raise WrongUse("bad_shares", "Later images are shared out by shares.", do="Give each person a share.")
    if wanted.covers_new and wanted.filters is not None:
        raise WrongUse(
            "view_covers_new",
            "The images of a view are those of today.",
            do="Leave out covers_new, or share out all open images.",
        )
    active = set(session.scalars(select(Labeller.id).where(Labeller.id.in_(wanted.people), Labeller.active)))
    for number in wanted.people:
        if number not in active:
            raise NotFound(
                "unknown_labeller",
                f"There is no labeller {number} who can log in.",
                do="GET /api/v1/team lists them.",
            )


def share_out(project: ProjectFolder, session: Session, wanted: Wanted) -> list[Stretch]:
    """Choose the images of an assignment, and share them out; nothing is stored.

    Raises:
        WrongUse: if nobody is named, or the shares are wrong.
        NotFound: if there is no such labeller, or one of them cannot log in.
        FacelabelError: if a filter has an attribute or a value that is not in the schema.
    """
    return _choose(project, session, wanted)[1]


def _choose(project: ProjectFolder, session: Session, wanted: Wanted) -> tuple[_Chosen, list[Stretch]]:
    _check(session, wanted)
    free, chosen = unassigned(session), _Chosen()
    columns = select(Image.id, Image.group, Image.open_cells, free)
    for conditions in _windows(project, session, wanted.filters):
        for number, group, open_cells, is_free in session.execute(columns.where(COUNTED, *conditions)):
            if open_cells == 0:
                chosen.done += 1
            elif is_free:
                chosen.of_group.setdefault(group, []).append(number)
            else:
                chosen.assigned += 1
    return chosen, _divide(wanted, chosen)


def _windows(project: ProjectFolder, session: Session, filters: Filters | None) -> Iterator[list[Any]]:
    """The conditions for the images of a view, a window of names at a time; None: for all open images."""
    if filters is None:
        yield [Image.open_cells > 0]
        return
    search, place = prepare_search(project, session, filters), None
    while not search.empty:
        window, place = next_window(search, place)
        yield search.held(window)
        if place is None:
            return


def _divide(wanted: Wanted, chosen: _Chosen) -> list[Stretch]:
    if not wanted.in_shares:
        images = [image for images in chosen.of_group.values() for image in images]
        return [Stretch(tuple(wanted.people), None, 0.0, 0.0, sorted(images))]
    sizes = {group: len(images) for group, images in chosen.of_group.items()}
    shares = [share or 0.0 for share in wanted.people.values()]
    ends = stretch_ends(sizes, shares)
    of_part: list[list[int]] = [[] for _ in ends]
    for group, images in chosen.of_group.items():
        place = place_of(group)
        part = next((n for n, end in enumerate(ends) if place < end), None)
        if part is not None:
            of_part[part] += images
    starts = [0.0, *ends[:-1]]
    people = [(person,) for person in wanted.people]
    return list(map(Stretch, people, shares, starts, ends, map(sorted, of_part)))


def _count_held(session: Session, images: list[int], people: tuple[int, ...]) -> int:
    held = select(Lease.image_id).where(Lease.expires_at > now(), Lease.labeller_id.not_in(people))
    return len(set(session.scalars(held)).intersection(images))


def _count_overlapped(session: Session, stretches: list[Stretch], overlap_end: int) -> int:
    if not overlap_end:
        return 0
    query = select(Image.id).where(Image.open_cells > 0, COUNTED, Image.shuffle < overlap_end)
    overlapped = set(session.scalars(query))
    return sum(len(overlapped.intersection(one.images)) for one in stretches)
