"""Change the active schema: a preview with counts, and one transaction that applies the change.

No label is lost and no code is used twice. A merged or split value is retired and remembers its replacement. Annotations are
only added: a label of a merged value gets an annotation of the origin "schema"; a label of a split value gets "reopened", and its
cell is open again.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.plurals import counted
from annotator.domain.schema import Schema, Value, canonical_json
from annotator.domain.schema_changes import Change, compare_schemas, renamed_attributes
from annotator.domain.states import SubmissionKind
from annotator.models import AttributeRow, Image, Label, Project, ValueRow
from annotator.services.annotation.log import add_submission
from annotator.services.certificates.undo import lapse_changed
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.grouping.membership import mark_stale
from annotator.services.predictions.active import carry_predictions
from annotator.services.project_settings import change_project_settings
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.value_changes import replace_value

_LABEL_EFFECTS = {
    "retire": ("label keeps it", "labels keep it"),
    "merge": ("label changes", "labels change"),
    "split": ("label opens again", "labels open again"),
}


@dataclass(frozen=True)
class CountedChange:
    """A change with its effect on the project.

    Args:
        change: the change.
        labels: how many labels have the value that is retired, merged or split.
        images: how many done images are asked again.
    """

    change: Change
    labels: int = 0
    images: int = 0

    def __str__(self) -> str:
        """The change as a sentence, with its counts."""
        effects = []
        if self.change.kind in _LABEL_EFFECTS:
            effects.append(counted(self.labels, *_LABEL_EFFECTS[self.change.kind]))
        if self.images or self.change.kind in {"add", "require", "split"}:
            effects.append(counted(self.images, "done image is asked again", "done images are asked again"))
        return self.change.text + (f" ({', '.join(effects)})" if effects else "")


def preview_changes(session: Session, wanted: Schema) -> list[CountedChange]:
    """Return the changes that `apply_schema` would make.

    Raises:
        FacelabelError: if a change would lose labels, or give a code another meaning.
    """
    current = read_schema(session)
    ids = {name: number for number, name in session.execute(select(AttributeRow.id, AttributeRow.name))}
    ids |= {new: ids[old] for old, new in renamed_attributes(current, wanted).items()}
    changes = compare_schemas(current, wanted)
    return [_count(session, wanted, change, ids.get(change.attribute)) for change in changes]


def _count(session: Session, wanted: Schema, change: Change, attribute_id: int | None) -> CountedChange:
    labels = select(Label.image_id).where(Label.attribute_id == attribute_id)
    if change.kind in {"add", "require"}:
        asked = Image.id.not_in(labels)
        return CountedChange(change, images=_done(session, asked, Image.id.not_in(_ended())))
    if change.code is None:
        return CountedChange(change)
    labels = labels.where(Label.code == change.code, of_counted_image(Label.image_id))
    number = session.scalar(select(func.count()).select_from(labels.subquery())) or 0
    if change.kind == "split" and wanted[change.attribute].required:
        other = Image.id.not_in(_ended((attribute_id, change.code)))
        return CountedChange(change, number, _done(session, Image.id.in_(labels), other))
    return CountedChange(change, number)


def _done(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Count the done images that fulfil the conditions."""
    return session.scalar(select(func.count()).where(COUNTED, Image.open_cells == 0, *conditions)) or 0


def _ended(but: tuple[int | None, int] | None = None) -> Select[int]:
    """Select images with a value after which nothing else is asked, except for one (attribute id, code)."""
    query = (
        select(Label.image_id)
        .join(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .where(ValueRow.ends)
    )
    return query if but is None else query.where(or_(Label.attribute_id != but[0], Label.code != but[1]))


def apply_schema(
    session: Session, wanted: Schema, *, labeller_id: int | None = None, key: str | None = None
) -> list[CountedChange]:
    """Make `wanted` the active schema.

    Args:
        session: a writing session.
        wanted: the schema.
        labeller_id: the labeller who changes it; needed if values are merged or split.
        key: the idempotency key, stored with the change.

    Returns:
        The changes, as `preview_changes` returns them.

    Raises:
        FacelabelError: as `preview_changes`.
    """
    current = read_schema(session)
    changes = preview_changes(session, wanted)
    if not changes:
        return []
    for old, new in renamed_attributes(current, wanted).items():
        session.execute(update(AttributeRow).where(AttributeRow.name == old).values(name=new))
    _write_attributes(session, wanted)
    change_project_settings(session, schema_version=Project.schema_version + 1)
    carry_predictions(session, current.hash(), read_schema(session).hash())
    replacing = [counted.change for counted in changes if counted.change.into]
    if key is not None or replacing:
        submission_id = add_submission(
            session,
            key=key or f"schema:{secrets.token_hex(16)}",
            kind=SubmissionKind.SCHEMA,
            fingerprint=fingerprint(wanted),
            labeller_id=labeller_id,
            image_id=None,
        )
        for change in replacing:
            replace_value(session, submission_id, change)
    if any(attribute.groups for attribute in (*current.attributes, *wanted.attributes)):
        mark_stale(session)
    before, after = _requirements(current), _requirements(wanted)
    lapsed = lapse_changed(session, current, read_schema(session), renamed_attributes(current, wanted))
    if before != after or replacing or lapsed:
        recount_open_cells(session, of_most=len(before[0]) != len(after[0]))
    return changes


def fingerprint(wanted: Schema) -> str:
    """A hash of the schema: a repetition of a change must have the same one."""
    return hashlib.sha256(canonical_json([asdict(a) for a in wanted.attributes]).encode()).hexdigest()


def _write_attributes(session: Session, wanted: Schema) -> None:
    # Two attributes may swap titles, keys and positions, so rows are matched by name.
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


def _apply_values(session: Session, attribute_id: int, values: tuple[Value, ...]) -> None:
    kept = {value.code for value in values}
    old = list(session.scalars(select(ValueRow).where(ValueRow.attribute_id == attribute_id)))
    retired = [
        Value(row.code, row.name, "retired", row.ends, tuple(row.replaced_by))
        for row in old
        if row.code not in kept
    ]
    # All rows are written again: they are few, and single updates would depend on their order.
    session.execute(delete(ValueRow).where(ValueRow.attribute_id == attribute_id))
    session.expire_all()
    session.add_all(
        ValueRow(
            attribute_id=attribute_id,
            code=v.code,
            name=v.name,
            status=v.status,
            ends=v.ends,
            replaced_by=list(v.replaced_by),
        )
        for v in (*values, *retired)
    )
    session.flush()


def _requirements(schema: Schema) -> tuple[set[str], set[tuple[str, int]]]:
    """What decides how many cells of an image are open: required attributes, and values that end an image."""
    required = {attribute.name for attribute in schema.attributes if attribute.required}
    ends = {(a.name, value.code) for a in schema.attributes for value in a.values if value.ends}
    return required, ends
