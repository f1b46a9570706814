"""The groups of a project for its pages, leaks between splits, and the decisions of reviewers about ties."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import GroupDecision, Image, ImageGroup, Project, Submission, now
from annotator.services.common.cached_stats import Statistics
from annotator.services.common.counted import COUNTED, counted_state
from annotator.services.grouping.membership import mark_stale
from annotator.services.grouping.near_duplicates import near_images


@dataclass(frozen=True)
class Group:
    """A group of more than one image. `first` and `first_name`: SHA-256 and name of the image that represents it."""

    key: str
    split: str
    images: int
    first: str
    first_name: str


@dataclass(frozen=True)
class GroupImage:
    """An image of a group, and why it is there: the group from its source, or the image that it repeats."""

    id: int
    name: str
    sha256: str
    given_group: str | None
    twin_of: int | None


@dataclass(frozen=True)
class Leak:
    """Two near-duplicates, or two images of one source, in different splits."""

    why: str
    first: GroupImage
    second: GroupImage
    splits: tuple[str, str]


@dataclass(frozen=True)
class LeakReport:
    """What splits share. `groups`: groups in two splits, which must never exist."""

    groups: list[str]
    leaks: list[Leak]


@dataclass(frozen=True)
class Decision:
    """What somebody decided about two images: to `join` them, or to `cut` the tie between them. It counts unless `undone`."""

    id: int
    kind: str
    first_id: int
    second_id: int
    undone: bool


def list_groups(session: Session, *, after: int = 0, limit: int = 60) -> tuple[list[Group], int]:
    """List groups of more than one image, largest first, from the position `after`; also return their number."""
    several = ImageGroup.images > 1
    member = aliased(Image)
    first = (
        select(func.min(member.id))
        .where(member.group == ImageGroup.key, member.exclusion_id.is_(None))
        .scalar_subquery()
    )
    query = (
        select(ImageGroup.key, Image.split, ImageGroup.images, Image.sha256, Image.name)
        .join(Image, Image.id == first)
        .where(several)
        .order_by(ImageGroup.images.desc(), ImageGroup.key)
    )
    total = session.scalar(select(func.count()).select_from(ImageGroup).where(several)) or 0
    return [Group(*row) for row in session.execute(query.offset(after).limit(limit))], total


def images_of_group(session: Session, key: str, limit: int = 500) -> list[GroupImage]:
    """List the first images of a group that are not excluded.

    Raises:
        NotFound: if there is no such group.
    """
    query = select(Image).where(Image.group == key, COUNTED).order_by(Image.id).limit(limit)
    images = [_shown(image) for image in session.scalars(query)]
    if not images:
        raise NotFound("unknown_group", f"There is no group {key!r}.", do="Look at the list of groups again.")
    return images


def leak_report(session: Session, limit: int = 200) -> LeakReport:
    """Find groups, near-duplicates and sources (videos, photos) that are in two splits."""
    torn = (
        select(Image.group)
        .where(COUNTED)
        .group_by(Image.group)
        .having(func.count(func.distinct(Image.split)) > 1)
    )
    leaks: list[Leak] = []
    pairs = near_images(session)
    images = _counted_by_id(session, {i for pair in pairs for i in pair})
    for first, second in (pair for pair in pairs if images.keys() >= {*pair}):
        leaks += _leak("nearly the same picture", images[first], images[second])
    for one, other in _torn_sources(session):
        leaks += _leak("the same source", one, other)
    return LeakReport(list(session.scalars(torn)), leaks[:limit])


def _leak_state(session: Session) -> tuple[int | bool | None, ...]:
    """Changes with new images and hashes, answers, decisions about ties, and the seed of the splits."""
    return (
        *session.execute(select(Project.image_count, Project.groups_stale, Project.split_seed)).one(),
        session.scalar(select(func.min(Image.id)).where(Image.perceptual_hash.is_(None))),
        session.scalar(select(func.max(Submission.id))),
        counted_state(session),
        *session.execute(select(func.max(GroupDecision.id), func.count(GroupDecision.undone_at))).one(),
    )


LEAKS = Statistics("leaks", TypeAdapter(LeakReport), _leak_state, leak_report, remember=False)


def decide(
    session: Session, labeller_id: int, key: str, kind: str, first_id: int, second_id: int
) -> Decision:
    """Join two images, so that they are never split apart, or cut two near-duplicates. The same key changes nothing.

    Raises:
        Conflict: if the key was used for something else.
        NotFound: if there is no such image.
        FacelabelError: if the two images are the same.
    """
    existing = session.scalar(select(GroupDecision).where(GroupDecision.key == key))
    if existing is not None:
        if (existing.kind, existing.first_id, existing.second_id) != (kind, first_id, second_id):
            raise Conflict(
                "key_reused",
                f"The idempotency key {key!r} was used for another decision.",
                do="Make a new random key.",
            )
        return _decision(existing)
    if first_id == second_id:
        raise FacelabelError("one_image", "A tie is between two images.", do="Choose another one.")
    if len(_counted_by_id(session, {first_id, second_id})) < 2:
        raise NotFound("unknown_image", "There is no such image.", do="Look at the group again.")
    row = GroupDecision(
        key=key, kind=kind, first_id=first_id, second_id=second_id, labeller_id=labeller_id, created_at=now()
    )
    session.add(row)
    session.flush()
    mark_stale(session)
    return _decision(row)


def undo_group_decision(session: Session, number: int) -> Decision:
    """Undo a decision; undoing it again changes nothing.

    Raises:
        NotFound: if there is no such decision.
    """
    row = session.get(GroupDecision, number)
    if row is None:
        raise NotFound("unknown_decision", f"There is no decision {number}.", do="Look at the list again.")
    if row.undone_at is None:
        row.undone_at = now()
        mark_stale(session)
    return _decision(row)


def _decision(row: GroupDecision) -> Decision:
    return Decision(row.id, row.kind, row.first_id, row.second_id, row.undone_at is not None)


def _torn_sources(session: Session) -> list[tuple[Image, Image]]:
    """For every source in two splits, an image of each split."""
    key, split = Image.given_group, Image.split
    first = select(key.label("key"), split.label("split"), func.min(Image.id).label("id")).where(
        key.is_not(None), COUNTED
    )
    ones = first.group_by(key, split).subquery()
    a, b = aliased(ones), aliased(ones)
    query = select(a.c.id, b.c.id).join(b, (a.c.key == b.c.key) & (a.c.split < b.c.split))
    pairs = [(one, other) for one, other in session.execute(query)]
    images = _counted_by_id(session, {i for pair in pairs for i in pair})
    return [(images[one], images[other]) for one, other in pairs]


def _counted_by_id(session: Session, ids: set[int]) -> dict[int, Image]:
    return {image.id: image for image in session.scalars(select(Image).where(Image.id.in_(ids), COUNTED))}


def _leak(why: str, first: Image, second: Image) -> list[Leak]:
    if first.split == second.split:
        return []
    return [Leak(why, _shown(first), _shown(second), (first.split, second.split))]


def _shown(image: Image) -> GroupImage:
    return GroupImage(image.id, image.name, image.sha256, image.given_group, image.twin_of)
