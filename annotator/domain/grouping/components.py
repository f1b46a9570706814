"""Which images must not be split apart: those that share a person, a source or a picture, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotator.domain.grouping.splits import own_group


@dataclass(frozen=True)
class Member:
    """What ties an image to others.

    Args:
        id: its number; images that came later have larger ones.
        sha256: of its bytes.
        people: the groups of the people that its labels name, the first attribute of the schema first.
        given: the group that its source gave it, such as a video.
        twin_of: the first image that shows nearly the same picture.
    """

    id: int
    sha256: str
    people: tuple[str, ...] = ()
    given: str | None = None
    twin_of: int | None = None


def group_members(members: Sequence[Member], joins: Iterable[tuple[int, int]] = ()) -> dict[int, str]:
    """The group of every image.

    Images are joined that share a person, a source or a picture, or that somebody joined by hand. A group is called after
    its first person, else after the first given group in it, else after its first image: so an image without a
    label that comes later takes the group that is there and moves nobody.

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
    """Sets that grow together (union-find with path halving)."""

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
