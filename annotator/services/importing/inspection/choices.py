"""What every column, value and flat label of a source means under a mapping, and the mapping that says so.

That mapping holds only what the import would not do without it: a column or value that is understood by its name has no entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from annotator.domain.names import find_attribute, find_flat, fold, name_of
from annotator.domain.schema import CANNOT_TELL_NAME, Attribute, Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping, Reading, find_header, mapped_code
from annotator.formats.importers.summary import ColumnSummary, Example, SourceSummary
from annotator.formats.importers.translate import propose_column, propose_label
from annotator.services.importing.inspection.meanings import with_mapping, without_mapping


@dataclass(frozen=True)
class MappedValue:
    """A value of a column. `answer`: the name of ours that it means; "" is not labelled."""

    value: str
    count: int
    answer: str = ""


@dataclass(frozen=True)
class MappedColumn:
    """A column and the attribute that it answers.

    Args:
        name: its name in the source.
        count: its cells that are not empty.
        distinct: the number of its different values, at most 2,000.
        values: the values that are listed, most frequent first.
        attribute: the attribute's name; "" ignores the column.
        readings: the two ways in which its cells can be read, if there are two.
        reading: the one that was chosen.
        unlisted: what the mapping says of values that are not listed.
    """

    name: str
    count: int
    distinct: int
    values: tuple[MappedValue, ...]
    attribute: str = ""
    readings: tuple[Reading, ...] = ()
    reading: int | None = None
    unlisted: dict[str, str] = field(default_factory=dict)

    @property
    def is_undecided(self) -> bool:
        """Whether a person must choose a reading."""
        return bool(self.readings) and self.reading is None

    @property
    def answers(self) -> dict[str, str]:
        """What the listed values mean."""
        return {value.value: value.answer for value in self.values}


@dataclass(frozen=True)
class MappedLabel:
    """A flat label and the attribute and value of ours that it means; two empty texts ignore it."""

    label: str
    count: int
    attribute: str
    value: str


@dataclass(frozen=True)
class Choices:
    """What the labels of a source mean.

    Args:
        summary: the source.
        mapping: the mapping that the import needs for it.
        image: of a table, the column with the image's name.
        columns: its columns.
        labels: its flat labels.
    """

    summary: SourceSummary
    mapping: Mapping
    image: str | None
    columns: tuple[MappedColumn, ...]
    labels: tuple[MappedLabel, ...]

    def image_of(self, example: Example) -> str:
        """Return the name of an example's image."""
        return example.image if self.image is None else (example.cells.get(self.image) or "").strip()

    def column(self, name: str) -> MappedColumn | None:
        """Return the column with this name."""
        return next((column for column in self.columns if column.name == name), None)

    def answers_of(self, example: Example, schema: Schema) -> dict[str, str]:
        """Return the labels that an example would get, by attribute. Where two of them differ, it gets none."""
        answers: dict[str, set[str]] = {}
        for column in self.columns:
            if column.attribute and column.name in example.cells and not column.is_undecided:
                answer = _answer_of_cell(
                    example.cells[column.name], column, schema[column.attribute], self.summary
                )
                answers.setdefault(column.attribute, set()).add(answer)
        for label in self.labels:
            if label.label in example.labels:
                answers.setdefault(label.attribute, set()).add(label.value)
        found = {attribute: values - {""} for attribute, values in answers.items()}
        return {attribute: values.pop() for attribute, values in found.items() if len(values) == 1}


def choose(summary: SourceSummary, schema: Schema, mapping: Mapping) -> Choices:
    """Say what every column, value and flat label means: as the mapping says, else by its name, else as its words propose.

    Raises:
        FacelabelError: if the mapping names an attribute or value that the schema does not have.
    """
    image = summary.image
    if mapping.image is not None:
        image = find_header(summary.headers, mapping.image) or mapping.image
    columns = tuple(
        _map_column(column, summary, schema, mapping) for column in summary.columns if column.name != image
    )
    labels = tuple(_map_label(label, count, schema, mapping) for label, count in summary.labels.items())
    names = {fold(column.name) for column in summary.columns}
    kept = {name: entry for name, entry in mapping.columns.items() if fold(name) not in names}
    needed = Mapping(
        image=None if summary.named and image == summary.image else image,
        columns=kept | _entries(columns, summary, schema),
        labels={name: target for name, target in mapping.labels.items() if name not in summary.labels}
        | {label.label: (label.attribute, label.value) for label in labels if _needs_entry(label, schema)},
        encoding=mapping.encoding,
        readings={
            column.name: (column.attribute, column.readings)
            for column in columns
            if column.is_undecided and _is_named_so(column, schema)
        },
    )
    return Choices(summary, needed, image, columns, labels)


def _map_column(
    column: ColumnSummary, summary: SourceSummary, schema: Schema, mapping: Mapping
) -> MappedColumn:
    listed = tuple(MappedValue(value, count) for value, count in column.values.items() if value.strip())
    mapped = MappedColumn(column.name, column.count, column.distinct, listed)
    ours = find_attribute(schema, column.name)
    target, values = mapping.column(column.name) or (ours.name if ours else None, {})
    if target is None:
        target, values = propose_column(schema, column.name, mapped.answers)
    elif target and not values and ours is not find_attribute(schema, target):
        proposed, its_values = propose_column(schema, column.name, mapped.answers)
        values = its_values if proposed and find_attribute(schema, target) is schema[proposed] else {}
    if not target:
        return mapped
    attribute = _target(schema, target)
    return _map_values(replace(mapped, attribute=attribute.name), attribute, values, summary)


def _map_values(
    column: MappedColumn, attribute: Attribute, values: dict[str, str], summary: SourceSummary
) -> MappedColumn:
    meanings, readings = with_mapping(column.answers, attribute, values, summary)
    offered = readings or with_mapping(column.answers, attribute, {}, summary)[1]
    chosen = [n for n, reading in enumerate(offered) if reading.values.items() <= values.items()]
    return replace(
        column,
        values=tuple(replace(value, answer=meanings[value.value] or "") for value in column.values),
        readings=offered if readings or chosen else (),
        reading=None if readings or not chosen else chosen[0],
        unlisted={
            value: _named(attribute, target) for value, target in values.items() if value not in meanings
        },
    )


def _target(schema: Schema, name: str) -> Attribute:
    """The attribute of ours that a mapping names."""
    attribute = find_attribute(schema, name)
    if attribute is None:
        raise FacelabelError(
            "unknown_attribute",
            f"The mapping names the attribute {name!r}, which the schema does not have.",
            do="Choose an attribute of the schema, or add this one on the page Schema.",
        )
    return attribute


def _named(attribute: Attribute, target: str) -> str:
    """A mapping's target as a name of ours."""
    if not target.strip() or attribute.kind == "open":
        return target.strip()
    return name_of(attribute, mapped_code(attribute, target))


def _map_label(label: str, count: int, schema: Schema, mapping: Mapping) -> MappedLabel:
    target, value = mapping.labels.get(label) or propose_label(schema, label)
    attribute = _target(schema, target) if target else None
    if attribute is None or not value.strip():
        return MappedLabel(label, count, "", "")
    return MappedLabel(label, count, attribute.name, _named(attribute, value))


def _needs_entry(label: MappedLabel, schema: Schema) -> bool:
    exact = find_flat(schema, label.label)
    alone = ("", "") if exact is None else (exact[0].name, name_of(*exact))
    return {alone, propose_label(schema, label.label)} != {(label.attribute, label.value)}


def _is_named_so(column: MappedColumn, schema: Schema) -> bool:
    ours = find_attribute(schema, column.name)
    return ours is not None and ours.name == column.attribute


def _entries(
    columns: tuple[MappedColumn, ...], summary: SourceSummary, schema: Schema
) -> dict[str, tuple[str, dict[str, str]]]:
    """The entries of the mapping: what differs from what the import does alone, or from what is proposed anew each time.

    Folders are read as classes only if all trees are named, here or like attributes.
    """
    entries: dict[str, tuple[str, dict[str, str]]] = {}
    for column in columns:
        values = _needed_values(column, summary, schema)
        is_understood = (
            _is_named_so(column, schema)
            if column.attribute
            else not find_attribute(schema, column.name)
            and not propose_column(schema, column.name, column.answers)[0]
        )
        if values or not is_understood:
            entries[column.name] = column.attribute, values
    if summary.kind == "folders" and entries and any(column.attribute for column in columns):
        return {column.name: entries.get(column.name, (column.attribute, {})) for column in columns}
    return entries


def _needed_values(column: MappedColumn, summary: SourceSummary, schema: Schema) -> dict[str, str]:
    """What the import must be told of the values. A table is read column by column: it is told all of them or none."""
    if not column.attribute or column.is_undecided:
        return {}
    attribute = schema[column.attribute]
    alone = without_mapping(column.answers, attribute, summary)
    if alone is None or (summary.kind == "table" and alone != column.answers):
        return column.unlisted | column.answers
    proposed, _ = with_mapping(column.answers, attribute, {}, summary)
    return column.unlisted | {
        value: answer
        for value, answer in column.answers.items()
        if {alone[value] or "", proposed[value] or ""} != {answer}
    }


def _answer_of_cell(
    cell: str | None, column: MappedColumn, attribute: Attribute, summary: SourceSummary
) -> str:
    if cell is None:
        return CANNOT_TELL_NAME
    if cell in column.answers:
        return column.answers[cell]
    return with_mapping([cell], attribute, column.unlisted, summary)[0][cell] or ""
