"""Bringing all groups up to date: after imports of labels, before snapshots and in the background.

Of a million images most are tied to others by their person alone: the database itself says which of these stand in
another group. One by one are looked at only those that several things may tie.
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

_PART = 100_000  # images asked for at a time

Grouping = Mapping[int, str]
"""The attributes whose values make groups: names by id, the first of the schema first."""


def settle_groups(session: Session) -> int:
    """Bring all groups and splits up to date if a tie changed since the last time; returns how many images moved."""
    if not session.scalar(select(Project.groups_stale)):
        return 0
    moved = regroup_all(session)
    session.execute(update(Project).values(groups_stale=False))
    return moved


def regroup_all(session: Session) -> int:
    """Put every image into the group that its ties say; returns how many images moved."""
    rule = split_rule(session)
    grouping = dict(active_schema(session).grouping)
    members, now = _tied(session, grouping)
    groups = group_members(members, _joins(session))
    moved = _move(session, rule, [(n, group) for n, group in groups.items() if group != now[n]])
    newest = session.scalar(select(func.max(Image.id))) or 0
    for start in range(0, newest, _PART):
        part = _misplaced(grouping).where(Image.id.between(start + 1, start + _PART))
        found = session.execute(part).all()
        moved += _move(session, rule, [(n, group) for n, group in found if n not in groups])
    return moved


def _move(session: Session, rule: SplitRule, moves: list[tuple[int, str]]) -> int:
    """Put images, by id, into other groups; returns how many."""
    if moves:
        changes = [{"image": n, "to": group, "half": rule.split_of(group)} for n, group in moves]
        statement = update(Image).where(Image.id == bindparam("image"))
        session.connection().execute(
            statement.values({Image.group: bindparam("to"), Image.split: bindparam("half")}), changes
        )
    return len(moves)


def _misplaced(grouping: Grouping) -> Select[int, str]:
    """Images that no source and no picture ties, with the group of their person, if they stand in another one."""
    people = [
        select(literal(f"{name}:").concat(Label.code))
        .where(Label.image_id == Image.id, Label.attribute_id == attribute, _somebody())
        .scalar_subquery()
        for attribute, name in grouping.items()
    ]
    own = literal("image:").concat(func.substr(Image.sha256, 1, 16))  # domain/grouping/splits.own_group
    group = func.coalesce(*people, own) if people else own  # SQLite's coalesce wants two
    return select(Image.id, group).where(
        Image.given_group.is_(None), Image.twin_of.is_(None), Image.group != group
    )


def _somebody() -> ColumnElement[bool]:
    """A label names a person, or any value of another kind: not "unknown person", not "can't tell"."""
    unknown = select(ValueRow.attribute_id, ValueRow.code).where(ValueRow.name == UNKNOWN_PERSON)
    return Label.code.is_not(None) & tuple_(Label.attribute_id, Label.code).not_in(unknown)


def _tied(session: Session, grouping: Grouping) -> tuple[list[Member], dict[int, str]]:
    """Images that more than a person may tie to others, with all images of the people in them; and where they stand."""
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
        image, sha256, given, twin, now[image] = row
        of_image = people.get(image, {})
        members.append(
            Member(image, sha256, tuple(of_image[a] for a in grouping if a in of_image), given, twin)
        )
    return members, now


def _hubs(grouping: Grouping) -> CTE:
    """Images with a tie that is no person, and those that name people by several attributes."""
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
    """Pairs of images that somebody joined."""
    query = select(GroupDecision.first_id, GroupDecision.second_id).where(_JOINED)
    return [(first, second) for first, second in session.execute(query)]
