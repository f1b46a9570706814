"""Groups of images that must not be split apart: they share a person, a source or a picture, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotator.domain.grouping.splits import own_group


@dataclass(frozen=True)
class Member:
    """An image with what ties it to others.

    Args:
        id: its id; later images have larger ids.
        sha256: the hash of its bytes.
        people: the groups of the people in its labels, in schema order.
        given: the group from its source, such as a video.
        twin_of: the first image of which it is a near-duplicate.
    """

    id: int
    sha256: str
    people: tuple[str, ...] = ()
    given: str | None = None
    twin_of: int | None = None


def group_members(members: Sequence[Member], joins: Iterable[tuple[int, int]] = ()) -> dict[int, str]:
    """Find the group of every image, by id.

    Images are in one group if they share a person, a source or a picture, or if somebody joined them. A group has the name of
    its first person, else of its first source, else of its first image. So a later image without a label takes the group that
    exists, and no other image changes its group.

    Args:
        members: all images, by rising id.
        joins: pairs of ids that somebody joined.
    """
    ties = _Ties()
    for member in members:
        node = f"#{member.id}"
        for key in (*member.people, *([f"given {member.given}"] if member.given else [])):
            ties.tie(node, key)
        if member.twin_of is not None:
            ties.tie(node, f"#{member.twin_of}")
    for first, second in joins:
        ties.tie(f"#{first}", f"#{second}")
    named: dict[str, str] = {}
    for rank in (_person, _given, _own):
        for member in members:
            root = ties.root(f"#{member.id}")
            if root not in named and (name := rank(member)):
                named[root] = name
    return {member.id: named[ties.root(f"#{member.id}")] for member in members}


def _person(member: Member) -> str | None:
    return member.people[0] if member.people else None


def _given(member: Member) -> str | None:
    return member.given


def _own(member: Member) -> str:
    return own_group(member.sha256)


class _Ties:
    """Disjoint sets: union-find with path halving."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, key: str) -> str:
        parent = self._parent
        while (above := parent.get(key, key)) != key:
            parent[key] = parent.get(above, above)
            key = above
        return key

    def tie(self, one: str, other: str) -> None:
        one, other = self.root(one), self.root(other)
        if one != other:
            self._parent[other] = one
