"""Groups and splits of images in the database. Their rules are in domain/grouping/components and domain/grouping/splits.

An answer that names a person puts its image into the person's group at once. grouping/rebuild follows the other ties (a
video, a near-duplicate, a reviewer's join) after imports, before snapshots and in the background.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.grouping.splits import SplitRule, own_group, share_for_audit, shared_group
from annotator.models import Annotation, GroupDecision, Image, Project
from annotator.services.common.counted import of_counted_image
from annotator.services.schema.active import ActiveSchema
from annotator.services.schema.open_values import is_person


def split_rule(session: Session) -> SplitRule:
    """Return the seed and the shares of the project's splits."""
    project = session.scalars(select(Project)).one()
    return SplitRule(project.split_seed, project.share_test, project.share_val)


class Tied(Protocol):
    """The columns of `Image` that `group_of` needs."""

    id: int
    sha256: str
    given_group: str | None
    twin_of: int | None
    group_key: str


def group_of(session: Session, active: ActiveSchema, image: Tied, labels: dict[int, int | None]) -> str:
    """Return the group that an image's labels put it into; without such a label, its present group.

    An image that no longer shows a person gets a group of one image. If something else may tie it to other images, it
    keeps its group until the groups are rebuilt.

    Args:
        session: a session.
        active: the active schema.
        image: the image.
        labels: the image's labels by attribute id.
    """
    for attribute, name in active.grouping:
        code = labels.get(attribute)
        if code is not None and is_person(session, attribute, code):
            return shared_group(name, code)
    was_named = any(image.group_key.startswith(f"{name}:") for _, name in active.grouping)
    if (
        not was_named
        or image.given_group is not None
        or image.twin_of is not None
        or _has_ties(session, image.id)
    ):
        return image.group_key
    return own_group(image.sha256)


def _has_ties(session: Session, image_id: int) -> bool:
    joined = (GroupDecision.first_id == image_id) | (GroupDecision.second_id == image_id)
    return bool(
        session.scalar(select(exists().where(joined)))
        or session.scalar(select(exists().where(Image.twin_of == image_id)))
    )


def choose_test_share(session: Session) -> None:
    """Make the audit set large enough, unless a user has set its share or there is an answer.

    The first answer fixes the share, so that new images never move an old one into another split.
    """
    project = session.scalars(select(Project)).one()
    if project.test_share_given or session.scalar(select(exists().where(Annotation.id.is_not(None)))):
        return
    sizes = dict(
        session.execute(
            select(Image.group, func.count()).where(of_counted_image(Image.id)).group_by(Image.group)
        ).all()
    )
    share = share_for_audit(project.split_seed, sizes)
    if share == project.share_test:
        return
    project.share_test = share
    follow_rule(session)


def follow_rule(session: Session) -> int:
    """Put all images into the splits of a changed seed or share; return the number of images that moved."""
    session.flush()
    rule = split_rule(session)
    groups = session.scalars(select(Image.group).distinct())  # those of excluded images too
    splits = {group: rule.split_of(group) for group in groups}
    moved = [
        {"id": number, "split": splits[group]}
        for number, group, split in session.execute(select(Image.id, Image.group, Image.split))
        if splits[group] != split
    ]
    if moved:
        session.execute(update(Image), moved)
    return len(moved)


def mark_stale(session: Session) -> None:
    """Record that a tie between images changed; the next `rebuild.settle_groups` follows it."""
    session.execute(update(Project).where(~Project.groups_stale).values(groups_stale=True))
