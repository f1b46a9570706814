"""One change of a mapping: what a person chose for a column, a flat label or the column of images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from annotator.domain.schema import Schema
from annotator.errors import WrongUse
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.summary import SourceSummary
from annotator.services.importing.inspection.choices import Choices, choose


@dataclass(frozen=True)
class MappingChange:
    """What a person chose.

    Args:
        image: the column of a table with the image's name.
        column: a column of the source.
        attribute: the attribute that this column answers; "" ignores it.
        values: what some of its values mean; without them its values are matched anew.
        reading: the number of one of its two readings.
        label: a flat label, whose attribute is `attribute`.
        value: the value that the flat label means.
    """

    image: str | None = None
    column: str | None = None
    attribute: str = ""
    values: dict[str, str] = field(default_factory=dict)
    reading: int | None = None
    label: str | None = None
    value: str = ""


def apply_change(summary: SourceSummary, schema: Schema, mapping: Mapping, change: MappingChange) -> Choices:
    """Say what the labels of a source mean after a change of the mapping.

    Raises:
        FacelabelError: if the mapping or the change names an attribute or value that the schema does not have.
        WrongUse: if the change names a column, label or reading that the source does not have.
    """
    before = choose(summary, schema, mapping)
    if change == MappingChange():
        return before
    if change.image is not None:
        if change.image not in summary.headers:
            raise _unknown(f"column {change.image!r}")
        mapping = replace(before.mapping, image=change.image)
    if change.label is not None:
        if change.label not in summary.labels:
            raise _unknown(f"label {change.label!r}")
        labels = before.mapping.labels | {change.label: (change.attribute, change.value)}
        mapping = replace(before.mapping, labels=labels)
    if change.column is not None:
        entry = change.attribute, _values_of(before, change)
        mapping = replace(before.mapping, columns=before.mapping.columns | {change.column: entry})
    return choose(summary, schema, replace(mapping, readings={}))


def _values_of(before: Choices, change: MappingChange) -> dict[str, str]:
    column = before.column(change.column or "")
    if column is None:
        raise _unknown(f"column {change.column!r}")
    if change.reading is not None:
        if not 0 <= change.reading < len(column.readings):
            raise _unknown(f"reading {change.reading} of {change.column!r}")
        return dict(column.readings[change.reading].values)
    if change.values and column.attribute == change.attribute:
        return column.unlisted | column.answers | change.values
    return change.values


def _unknown(what: str) -> WrongUse:
    return WrongUse("unknown_choice", f"The file has no {what[:200]}.", do="Reload the page.")
