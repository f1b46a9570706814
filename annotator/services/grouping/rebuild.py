"""Rebuilding all groups: after imports of labels, before snapshots and in the background.

Most of a million images are tied to others only by their person. The database finds which of these are in a wrong group;
only images with several possible ties are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from annotator.domain.grouping.components import Member, group_members
from annotator.domain.grouping.splits import SplitRule, shared_group
from annotator.domain.states import TieKind
from annotator.models import GroupDecision, Image, Label, Project, ValueRow
from annotator.services.grouping.membership import split_rule
from annotator.services.schema.active import active_schema
from annotator.services.schema.open_values import UNKNOWN_PERSON
from annotator.services.tasks.assigned import follow_groups

_PART = 100_000  # images of one query
_FEW = 10_000  # images that a query names

Grouping = Mapping[int, str]
"""The attributes whose values form groups: names by id, in schema order."""


def settle_groups(session: Session) -> int:
    """Rebuild all groups and splits if a tie has changed since the last time; return the number of images that moved."""
    if not session.scalar(select(Project.groups_stale)):
        return 0
    moved = regroup_all(session)
    session.execute(update(Project).values(groups_stale=False))
    return moved


def regroup_all(session: Session) -> int:
    """Put every image into the group of its ties; return the number of images that moved."""
    rule = split_rule(session)
    grouping = dict(active_schema(session).grouping)
    members, now = _tied(session, grouping)
    groups = group_members(members, _joins(session))
    moved = _move(session, rule, [(n, group) for n, group in groups.items() if group != now[n]])
    newest = session.scalar(select(func.max(Image.id))) or 0
    for start in range(0, newest, _PART):
        part = _misplaced(grouping).where(Image.id.between(start + 1, start + _PART))
        misplaced = session.execute(part).all()
        moved += _move(session, rule, [(n, group) for n, group in misplaced if n not in groups])
    return moved


def _move(session: Session, rule: SplitRule, moves: list[tuple[int, str]]) -> int:
    """Put images, by id, into other groups; return their number."""
    if moves:
        changes = [{"image": n, "to": group, "half": rule.split_of(group)} for n, group in moves]
        statement = update(Image).where(Image.id == bindparam("image"))
        session.connection().execute(
            statement.values({Image.group: bindparam("to"), Image.split: bindparam("half")}), changes
        )
        for start in range(0, len(moves), _FEW):
            follow_groups(session, [image for image, _ in moves[start : start + _FEW]])
    return len(moves)


def _misplaced(grouping: Grouping) -> Select[int, str]:
    """Images without a source's group or near-duplicate that are in another group than their person's, with that group."""
    people = [
        select(literal(f"{name}:").concat(Label.code))
        .where(Label.image_id == Image.id, Label.attribute_id == attribute, _somebody())
        .scalar_subquery()
        for attribute, name in grouping.items()
    ]
    start = func.substr(Image.sha256, 1, 16)
    own = literal("image:").concat(start)  # domain/grouping/splits.own_group
    group = func.coalesce(*people, own) if people else own  # SQLite's coalesce wants two
    return select(Image.id, group).where(
        Image.given_group.is_(None), Image.twin_of.is_(None), Image.group != group
    )


def _somebody() -> ColumnElement[bool]:
    """Whether a label forms a group: neither "unknown person" nor "can't tell"."""
    unknown = select(ValueRow.attribute_id, ValueRow.code).where(ValueRow.name == UNKNOWN_PERSON)
    return Label.code.is_not(None) & tuple_(Label.attribute_id, Label.code).not_in(unknown)


def _tied(session: Session, grouping: Grouping) -> tuple[list[Member], dict[int, str]]:
    """Images that more than a person may tie to others, with all images of their people; and their present groups."""
    hubs = _hubs(grouping)
    if not session.scalar(select(exists(select(hubs)))):
        return [], {}
    named = Label.attribute_id.in_(grouping), _somebody()
    concerned = select(Label.attribute_id, Label.code).where(Label.image_id.in_(select(hubs)), *named)
    theirs = select(Label.image_id).where(tuple_(Label.attribute_id, Label.code).in_(concerned), *named)
    tied = union(select(hubs), theirs).subquery()
    people: dict[int, dict[int, str]] = {}
    labels = select(Label.image_id, Label.attribute_id, Label.code).where(
        Label.image_id.in_(select(tied)), *named
    )
    for image, attribute, code in session.execute(labels):
        people.setdefault(image, {})[attribute] = shared_group(grouping[attribute], int(code or 0))
    members, now = [], {}
    images = select(Image.id, Image.sha256, Image.given_group, Image.twin_of, Image.group)
    for row in session.execute(images.where(Image.id.in_(select(tied))).order_by(Image.id)):
        image, sha256, given_group, original, now[image] = row
        of_image = people.get(image, {})
        members.append(
            Member(
                image, sha256, tuple(of_image[a] for a in grouping if a in of_image), given_group, original
            )
        )
    return members, now


def _hubs(grouping: Grouping) -> CTE:
    """Images with a tie that is not a person, and images that name people by several attributes."""
    ties = [
        select(Image.id).where(or_(Image.given_group.is_not(None), Image.twin_of.is_not(None))),
        select(Image.twin_of).where(Image.twin_of.is_not(None)),
        *(select(end).where(_JOINED) for end in (GroupDecision.first_id, GroupDecision.second_id)),
    ]
    if len(grouping) > 1:
        several = select(Label.image_id).where(Label.attribute_id.in_(grouping), _somebody())
        ties.append(several.group_by(Label.image_id).having(func.count() > 1))
    return union_all(*ties).cte("hubs")


_JOINED = (GroupDecision.kind == TieKind.JOIN) & GroupDecision.undone_at.is_(None)


def _joins(session: Session) -> Iterable[tuple[int, int]]:
    """Pairs of images that a reviewer joined."""
    query = select(GroupDecision.first_id, GroupDecision.second_id).where(_JOINED)
    return [(first, second) for first, second in session.execute(query)]
