"""The active schema, read from the database once and cached until it changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute, Example, Kind, Schema, Value
from annotator.errors import FacelabelError
from annotator.models import AttributeRow, ValueRow
from annotator.project_cache import CacheKind, project_cache
from annotator.services.project_settings import project_settings


@dataclass(frozen=True)
class ActiveSchema:
    """The schema, and the database ids of its attributes. People of open attributes are left out."""

    schema: Schema
    ids: dict[str, int]

    @cached_property
    def hash(self) -> str:
        """The schema hash of FORMATS.md."""
        return self.schema.hash()

    @cached_property
    def names(self) -> dict[int, str]:
        """Attribute names by database id, in schema order."""
        return {self.ids[attribute.name]: attribute.name for attribute in self.schema.attributes}

    @cached_property
    def required(self) -> frozenset[int]:
        """Ids of the attributes that an image needs to be done."""
        return frozenset(self.ids[a.name] for a in self.schema.attributes if a.required)

    @cached_property
    def grouping(self) -> list[tuple[int, str]]:
        """(id, name) of the attributes whose values put images into one group, in schema order."""
        return [(self.ids[a.name], a.name) for a in self.schema.attributes if a.groups]

    @cached_property
    def identity(self) -> tuple[int, str] | None:
        """(id, name) of the attribute that tells people apart: the first open one whose values form groups. None without one."""
        return next(((n, name) for n, name in self.grouping if self.schema[name].kind == "open"), None)

    @cached_property
    def replaced(self) -> dict[tuple[int, int], int | None]:
        """(attribute id, code) of every merged or split value → the code that replaced it; None if the value was split."""
        return {
            (self.ids[a.name], v.code): a.current(v.code)
            for a in self.schema.attributes
            for v in a.values
            if v.replaced_by
        }

    def current_name(self, name: str) -> str:
        """The current name of an attribute: a page that was loaded before a renaming still sends the old name."""
        attribute = None if name in self.ids else self.schema.find_column(name)
        return name if attribute is None else attribute.name

    def offers(self, name: str, code: int) -> bool:
        """Whether labellers can choose this value; only such values are suggested."""
        return any(v.code == code and v.status == "active" for v in self.schema[name].values)

    @cached_property
    def _ending(self) -> frozenset[tuple[int, int]]:
        return frozenset(
            (self.ids[a.name], v.code) for a in self.schema.attributes for v in a.values if v.ends
        )

    def open_cells(self, labels: dict[int, int | None], covered: frozenset[int] = frozenset()) -> int:
        """The number of answers that an image still needs; 0 after a value that ends it ("no face").

        Args:
            labels: its labels by attribute id.
            covered: the attributes about which nobody is asked (services/common/filled).
        """
        if any((attribute, code) in self._ending for attribute, code in labels.items()):
            return 0
        return len(self.required - labels.keys() - covered)


def attribute_titles(session: Session) -> dict[str, str]:
    """Return the titles of all attributes by name."""
    return {attribute.name: attribute.title for attribute in active_schema(session).schema.attributes}


def unknown_attribute(schema: Schema, name: str) -> FacelabelError:
    """The error for an attribute that the schema does not have."""
    names = ", ".join(attribute.name for attribute in schema.attributes)
    return FacelabelError(
        "unknown_attribute", f"The schema has no attribute {name!r}.", do=f"It has {names}."
    )


_SCHEMAS = CacheKind[tuple[str, int], ActiveSchema](size=8)
"""By the project's token and the version of its schema."""


def active_schema(session: Session) -> ActiveSchema:
    """Return the active schema; one small query if it is cached."""
    settings = project_settings(session)
    key = settings.token, settings.schema_version
    return project_cache(session).get_or_compute(_SCHEMAS, key, lambda: _read_active(session))


def _read_active(session: Session) -> ActiveSchema:
    ids = dict(session.execute(select(AttributeRow.name, AttributeRow.id)).all())
    return ActiveSchema(read_schema(session), ids)


def read_schema(session: Session, *, people: bool = False) -> Schema:
    """Read the schema from the database.

    Args:
        session: a session.
        people: whether to read the people of open attributes, of whom there can be thousands.
    """
    values: dict[int, list[Value]] = {}
    columns = (ValueRow.attribute_id, ValueRow.code, ValueRow.name, ValueRow.status, ValueRow.ends)
    query = (
        select(*columns, ValueRow.replaced_by)
        .join(AttributeRow)
        .order_by(ValueRow.attribute_id, ValueRow.code)
    )
    if not people:
        query = query.where(AttributeRow.kind == "categorical")
    for attribute_id, code, name, status, ends, replaced_by in session.connection().execute(query):
        values.setdefault(attribute_id, []).append(
            Value(code, name, status, ends, tuple(replaced_by))  # type: ignore[arg-type]
        )
    rows = session.scalars(select(AttributeRow).order_by(AttributeRow.position))
    return Schema(tuple(_from_row(row, tuple(values.get(row.id, ()))) for row in rows))


def _from_row(row: AttributeRow, values: tuple[Value, ...]) -> Attribute:
    kind: Kind = "open" if row.kind == "open" else "categorical"
    return Attribute(
        row.name,
        row.title,
        row.key,
        kind,
        row.required,
        row.groups,
        tuple(row.spellings),
        values,
        row.guideline,
        tuple(Example(example["image"], example["code"]) for example in row.examples),
    )
