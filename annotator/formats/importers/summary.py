"""A bounded summary of a source's labels: its columns, their different values with counts, and rows as examples.

A person chooses from it what the columns and values mean. It is small enough to be kept as JSON beside an upload, however
large the source is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from annotator.formats.importers.base import SourceContents

Kind = Literal["none", "table", "names", "folders"]
"""A table, any other source of names or codes, or folders that are named after values; none: it holds no labels."""

MAX_COLUMNS = 100
MAX_VALUES = 200
"""Different values of a column that are listed. Of a column with more of them, such as one of people, the first few are."""

_FEW = 20
_COUNTED = 2000
_LONGEST = 200
_EXAMPLES = 40


@dataclass
class ColumnSummary:
    """A column, control or attribute of a source.

    Args:
        name: its name there.
        count: its cells that are not empty.
        distinct: the number of its different values that are not empty; counting stops at 2,000.
        values: how often each of its values occurs, most frequent first, empty cells too. Values of more than 200
            characters are not listed.
    """

    name: str
    count: int = 0
    distinct: int = 0
    values: dict[str, int] = field(default_factory=dict)

    def add(self, value: str) -> None:
        """Count a cell."""
        is_filled = bool(value.strip())
        self.count += is_filled
        if value in self.values:
            self.values[value] += 1
        elif self.distinct < _COUNTED and len(self.values) < _COUNTED:
            self.distinct += is_filled
            if len(value) <= _LONGEST:
                self.values[value] = 1

    def trim(self) -> None:
        """Keep the values that are listed."""
        shown = MAX_VALUES if self.distinct <= MAX_VALUES else _FEW
        self.values = dict(sorted(self.values.items(), key=lambda item: -item[1])[:shown])


@dataclass
class Example:
    """A row of a source: the image's name, its cells by column (None is "can't tell"), and its flat labels.

    In a table, the name is in the cell of the image's column.
    """

    image: str
    cells: dict[str, str | None] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)


@dataclass
class SourceSummary:
    """What a person needs to see of a source's labels.

    Args:
        kind: what it is.
        columns: its first 100 columns; of a table, that of the images' names too.
        more_columns: the number of further columns.
        labels: how often each flat label occurs; of more than 200 the most frequent.
        more_labels: the number of further flat labels.
        examples: at most 40 rows from all over the source.
        headers: of a table, the headers of these columns.
        image: of a table, the column with the image's name.
        named: that column has one of the usual names.
        keeps_minus_one: as in `column_values.decide`.
        coded: as in `SourceContents`.
        has_empty_words: as in `SourceContents`.
    """

    kind: Kind = "none"
    columns: list[ColumnSummary] = field(default_factory=list)
    more_columns: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    more_labels: int = 0
    examples: list[Example] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    image: str | None = None
    named: bool = True
    keeps_minus_one: bool = False
    coded: bool = False
    has_empty_words: bool = False

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> SourceSummary:
        """Return the summary that `dataclasses.asdict` made these values of."""
        columns = [ColumnSummary(**column) for column in values["columns"]]
        examples = [Example(**example) for example in values["examples"]]
        return cls(**(values | {"columns": columns, "examples": examples}))


class ExampleRows:
    """Keeps at most 40 rows that lie at equal distances, of a number of rows that is not known before."""

    def __init__(self) -> None:
        self._kept: list[Example] = []
        self._stride, self._seen = 1, 0

    def wants_next(self) -> bool:
        """Count a row; return whether it is to be kept."""
        self._seen += 1
        return (self._seen - 1) % self._stride == 0

    def keep(self, example: Example) -> None:
        """Keep a row."""
        self._kept.append(example)
        if len(self._kept) > _EXAMPLES:
            self._kept = self._kept[::2]
            self._stride *= 2

    def all(self) -> list[Example]:
        """Return the rows."""
        return self._kept


def cell_text(value: str) -> str:
    """Return a cell for an example, cut to the length of the values that are listed."""
    return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"


def summarise_contents(contents: SourceContents, kind: Kind = "names") -> SourceSummary:
    """Summarise the answers of a source of names or codes."""
    columns: dict[str, ColumnSummary] = {}
    labels = ColumnSummary("")
    more: set[str] = set()
    for answer in contents.answers:
        if not answer.attribute:
            labels.add(answer.value or "")
        elif answer.attribute in columns or len(columns) < MAX_COLUMNS:
            column = columns.setdefault(answer.attribute, ColumnSummary(answer.attribute))
            if answer.value is not None:
                column.add(answer.value)
        elif len(more) < _COUNTED:
            more.add(answer.attribute)
    for column in (*columns.values(), labels):
        column.trim()
    return SourceSummary(
        kind if contents.answers else "none",
        list(columns.values()),
        len(more),
        {label: count for label, count in labels.values.items() if label.strip()},
        labels.distinct - len(labels.values),
        list(_examples(contents, columns)),
        coded=contents.coded,
        has_empty_words=contents.has_empty_words,
    )


def _examples(contents: SourceContents, columns: Iterable[str]) -> Iterator[Example]:
    rows = ExampleRows()
    for image in dict.fromkeys(answer.image for answer in contents.answers):
        if rows.wants_next():
            rows.keep(Example(image))
    examples = {example.image: example for example in rows.all()}
    listed = set(columns)
    for answer in contents.answers:
        example = examples.get(answer.image)
        if example is not None and not answer.attribute:
            example.labels.append(cell_text(answer.value or ""))
        elif example is not None and answer.attribute in listed:
            example.cells[answer.attribute] = None if answer.value is None else cell_text(answer.value)
    return iter(examples.values())
