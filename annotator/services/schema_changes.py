"""Changing the schema in force, with a preview.

Adding an attribute or a value is free, a new name keeps its code, a value that is left out is retired and keeps its
history. What would lose labels is refused.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute, Schema, Value
from annotator.errors import FacelabelError
from annotator.models import AttributeRow, Image, Label, Project, ValueRow
from annotator.services.counts import recount
from annotator.services.schema_in_force import read_schema


def preview_changes(session: Session, wanted: Schema) -> list[str]:
    """What `apply_schema` would do, a sentence each; empty if nothing.

    Raises:
        FacelabelError: if a change would lose labels.
    """
    current = read_schema(session)
    by_name = {attribute.name: attribute for attribute in current.attributes}
    changes = []
    for attribute in wanted.attributes:
        old = by_name.pop(attribute.name, None)
        changes += _attribute_changes(old, attribute) if old else [f"add the attribute {attribute.name}"]
    if by_name:
        names = ", ".join(by_name)
        raise FacelabelError(
            "attribute_removed",
            f"attributes.toml no longer lists {names}, whose labels would be lost.",
            do="Put it back; set `required = false` if it should no longer be asked.",
        )
    if [a.name for a in wanted.attributes if a.name in {c.name for c in current.attributes}] != [
        a.name for a in current.attributes
    ]:
        changes.append("change the order of the attributes")
    return changes


def _attribute_changes(old: Attribute, new: Attribute) -> list[str]:
    if old.kind != new.kind:
        raise FacelabelError(
            "kind_changed",
            f"{new.name} is {old.kind} and cannot become {new.kind}: its labels would lose their meaning.",
            do="Give the new attribute another name.",
        )
    changes = []
    for setting in ("title", "key", "required", "groups", "spellings"):
        before, after = getattr(old, setting), getattr(new, setting)
        if before != after:
            changes.append(f"{new.name}: set {setting} from {before!r} to {after!r}")
    changes += [
        f"{new.name}: change the {setting}"
        for setting in ("guideline", "examples")
        if getattr(old, setting) != getattr(new, setting)
    ]
    before_values = {value.code: value for value in old.values}
    for value in new.values:
        previous = before_values.pop(value.code, None)
        if previous is None:
            changes.append(f"{new.name}: add the value {value.code} {value.name!r}")
        elif previous != value:
            changes.append(
                f"{new.name}: change the value {value.code} from {previous.name!r} to {value.name!r} ({value.status})"
            )
    changes += [
        f"{new.name}: retire the value {value.code} {value.name!r}"
        for value in before_values.values()
        if value.status == "active"
    ]
    return changes


def apply_schema(session: Session, wanted: Schema) -> list[str]:
    """Make `wanted` the schema in force; returns what was changed, as `preview_changes` would have said it."""
    changes = preview_changes(session, wanted)
    if not changes:
        return []
    # Titles and keys may be swapped between attributes, positions always are: rows are matched by name.
    for position, attribute in enumerate(wanted.attributes):
        row = session.scalar(select(AttributeRow).where(AttributeRow.name == attribute.name))
        if row is None:
            row = AttributeRow(name=attribute.name, kind=attribute.kind)
            session.add(row)
        row.title, row.key, row.position = attribute.title, attribute.key, position
        row.required, row.groups, row.spellings = (
            attribute.required,
            attribute.groups,
            list(attribute.spellings),
        )
        row.guideline = attribute.guideline
        row.examples = [asdict(example) for example in attribute.examples]
        session.flush()
        if attribute.kind == "categorical":
            _apply_values(session, row.id, attribute.values)
    session.execute(update(Project).values(schema_version=Project.schema_version + 1))
    recount_open_cells(session)
    return changes


def _apply_values(session: Session, attribute_id: int, values: tuple[Value, ...]) -> None:
    kept = {value.code for value in values}
    old = list(session.scalars(select(ValueRow).where(ValueRow.attribute_id == attribute_id)))
    retired = [Value(row.code, row.name, "retired", row.ends) for row in old if row.code not in kept]
    # Written anew as a whole: names may be swapped between codes, which single updates could not do.
    session.execute(delete(ValueRow).where(ValueRow.attribute_id == attribute_id))
    session.expire_all()
    session.add_all(
        ValueRow(attribute_id=attribute_id, code=v.code, name=v.name, status=v.status, ends=v.ends)
        for v in (*values, *retired)
    )
    session.flush()


def recount_open_cells(session: Session) -> None:
    """Compute `open_cells` of every image and the project's counts anew from the labels."""
    required = session.scalar(select(func.count()).where(AttributeRow.required)) or 0
    answered = (
        select(func.count())
        .select_from(Label)
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .where(Label.image_id == Image.id, AttributeRow.required)
        .scalar_subquery()
    )
    ended = (
        select(Label.image_id)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(ValueRow.ends)
    )
    session.execute(update(Image).values(open_cells=required - answered))
    session.execute(update(Image).where(Image.id.in_(ended)).values(open_cells=0))
    recount(session)
