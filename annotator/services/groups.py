"""Groups and splits of images in the database; the rule itself is in domain/splits."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.splits import SplitRule, own_group, shared_group
from annotator.models import AttributeRow, Image, Label, Project, ValueRow
from annotator.services.people import UNKNOWN_PERSON, is_somebody
from annotator.services.schema_in_force import SchemaInForce


def split_rule(session: Session) -> SplitRule:
    """The project's seed and shares."""
    project = session.scalars(select(Project)).one()
    return SplitRule(project.split_seed, project.share_test, project.share_val)


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
