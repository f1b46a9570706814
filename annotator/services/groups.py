"""Groups and splits of images in the database; the rule itself is in domain/splits."""

from __future__ import annotations

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.splits import SplitRule, own_group, share_for_audit, shared_group
from annotator.models import Annotation, AttributeRow, Image, Label, Project, ValueRow
from annotator.services.people import UNKNOWN_PERSON, is_somebody
from annotator.services.schema_in_force import SchemaInForce


def split_rule(session: Session) -> SplitRule:
    """The project's seed and shares."""
    project = session.scalars(select(Project)).one()
    return SplitRule(project.split_seed, project.share_test, project.share_val)


def choose_test_share(session: Session) -> None:
    """Make the audit set large enough, unless its share was given by hand or somebody has answered already.

    From the first answer on the share is fixed: adding images then never moves an old one.
    """
    project = session.scalars(select(Project)).one()
    if project.test_share_given or session.scalar(select(exists().where(Annotation.id.is_not(None)))):
        return
    sizes = dict(session.execute(select(Image.group, func.count()).group_by(Image.group)).all())
    share = share_for_audit(project.split_seed, sizes)
    if share == project.share_test:
        return
    project.share_test = share
    rule = split_rule(session)
    splits = {group: rule.split_of(group) for group in sizes}
    moved = [
        {"id": number, "split": splits[group]}
        for number, group, split in session.execute(select(Image.id, Image.group, Image.split))
        if splits[group] != split
    ]
    if moved:
        session.execute(update(Image), moved)


def group_of(session: Session, force: SchemaInForce, alone: str, labels: dict[int, int | None]) -> str:
    """The group that an image's labels put it into; without such a label the one of its source, or its own.

    Args:
        session: a session.
        force: the schema in force.
        alone: the group it is in without such a label.
        labels: its labels by attribute id.
    """
    shared = (
        shared_group(name, code)
        for attribute, name in force.grouping
        if (code := labels.get(attribute)) is not None and is_somebody(session, attribute, code)
    )
    return next(shared, alone)


def regroup_all(session: Session) -> None:
    """Put every image into the group that its labels say; for imports, where the labels of many images change."""
    rule = split_rule(session)
    named: dict[int, str] = {}
    for image_id, name, code in session.execute(
        select(Label.image_id, AttributeRow.name, Label.code)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(AttributeRow.groups, ValueRow.name != UNKNOWN_PERSON)
        .order_by(AttributeRow.position.desc())
    ):
        named[image_id] = shared_group(name, int(code or 0))
    changes = []
    images = select(Image.id, Image.sha256, Image.given_group, Image.group)
    for image_id, sha256, given, group in session.execute(images):
        wanted = named.get(image_id, given or own_group(sha256))
        if wanted != group:
            changes.append({"id": image_id, "group": wanted, "split": rule.split_of(wanted)})
    if changes:
        session.execute(update(Image), changes)
