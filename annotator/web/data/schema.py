"""The schema page and its API: the whole schema with retired values, a preview of a change, and the change itself."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt

from annotator.domain.schema import GUIDELINE_LENGTH, Attribute, Schema, schema_of
from annotator.services.schema_editing.changes import CountedChange
from annotator.services.schema_editing.file import change_schema, preview_wanted, schema_version
from annotator.services.schema_editing.overview import SchemaOverview, read_overview
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import MAX_ID, Request, UtcTime, answers, spec
from annotator.web.http.pages import render_page

schema_api = Blueprint("schema_api", __name__)

# Anything else that is wrong is reported by domain/schema, in words for the person who edits the schema.
_Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, Field(max_length=GUIDELINE_LENGTH, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
_Code = Annotated[StrictInt, Field(ge=0, le=9999)]


class SchemaValue(Request):
    """A value. `replaced_by`: the code that it was merged into, or the codes that it was split into."""

    code: _Code
    name: _Line
    status: Literal["active", "retired"] = "active"
    ends: StrictBool = False
    replaced_by: list[_Code] = Field(default=[], max_length=1000)


class SchemaExample(Request):
    """An image that shows what a value means."""

    image: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
    code: _Code


class SchemaAttribute(Request):
    """An attribute with the settings of attributes.toml. To rename it, give its present name as `was`."""

    name: _Line
    title: _Line
    key: _Line
    kind: Literal["categorical", "open"] = "categorical"
    required: StrictBool = True
    groups: StrictBool = False
    spellings: list[_Line] = Field(default=[], max_length=100)
    values: list[SchemaValue] = Field(default=[], max_length=1000)
    guideline: _Text = ""
    examples: list[SchemaExample] = Field(default=[], max_length=100)
    was: _Line | None = None


class SchemaRequest(Request):
    """A whole schema, and the version of the schema that it is based on."""

    version: Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
    attributes: Annotated[list[SchemaAttribute], Field(min_length=1, max_length=200)]

    def schema_wanted(self) -> Schema:
        """The requested schema, checked."""
        return schema_of([attribute.model_dump(exclude_none=True) for attribute in self.attributes])


class ValueDetail(SchemaValue):
    """A value and the number of labels that have it."""

    labels: int


class AttributeDetail(BaseModel):
    """An attribute with all its values and the number of labelled cells; for an open attribute also the number of people."""

    name: str
    title: str
    key: str
    kind: Literal["categorical", "open"]
    required: bool
    groups: bool
    spellings: list[str]
    values: list[ValueDetail]
    guideline: str
    examples: list[SchemaExample]
    labelled: int
    people: int | None


class SchemaDetail(BaseModel):
    """The whole schema. `may_change`: whether the caller may change it.

    `counted_at`: when the worker counted the labels of a large project; null if the counts are current.
    """

    version: int
    counted_at: UtcTime | None
    may_change: bool
    attributes: list[AttributeDetail]


class ChangeOut(BaseModel):
    """One change in a sentence. `labels`: labels with the value; `images`: done images that need another answer."""

    text: str
    warning: str
    labels: int
    images: int


class ChangesOut(BaseModel):
    """The changes, empty if nothing changes; `version`: the version of the active schema."""

    version: int
    changes: list[ChangeOut]


@schema_api.get("/schema")
def schema_page() -> str:
    """The schema page."""
    return render_page("schema")


@schema_api.get("/api/v1/schema/changes")
@spec.validate(resp=answers(HTTP_200=SchemaDetail), tags=["schema"])
def show_whole() -> SchemaDetail:
    """The active schema with retired values and counts, on which a change is based."""
    with context().project.database.read() as session:
        overview = read_overview(session, labeller_id())
    return SchemaDetail(
        version=overview.version,
        counted_at=overview.counted_at,
        may_change=overview.may_change,
        attributes=[_attribute(overview, attribute) for attribute in overview.schema.attributes],
    )


@schema_api.post("/api/v1/schema/changes/preview")
@spec.validate(resp=answers(HTTP_200=ChangesOut, problems=(409,)), tags=["schema"])
def preview(json: SchemaRequest) -> ChangesOut:
    """What would change if this schema became the active one. Nothing is changed."""
    project, wanted = context().project, json.schema_wanted()
    with project.database.read() as session:
        return _changes(json.version, preview_wanted(project, session, wanted, json.version))


@schema_api.post("/api/v1/schema/changes")
@spec.validate(resp=answers(HTTP_200=ChangesOut, problems=(409,)), tags=["schema"])
def apply(json: SchemaRequest) -> ChangesOut:
    """Make this schema the active one and write attributes.toml. Repeating a key changes nothing and lists no change."""
    project, key = context().project, idempotency_key()
    changes = change_schema(project, labeller_id(), key, json.schema_wanted(), json.version)
    with project.database.read() as session:
        return _changes(schema_version(session), changes)


def _changes(version: int, changes: list[CountedChange]) -> ChangesOut:
    return ChangesOut(
        version=version,
        changes=[
            ChangeOut(text=str(c), warning=c.change.warning, labels=c.labels, images=c.images)
            for c in changes
        ],
    )


def _attribute(overview: SchemaOverview, attribute: Attribute) -> AttributeDetail:
    counts = overview.counts[attribute.name]
    per_value = counts.get("values", {})
    return AttributeDetail(
        name=attribute.name,
        title=attribute.title,
        key=attribute.key,
        kind=attribute.kind,
        required=attribute.required,
        groups=attribute.groups,
        spellings=list(attribute.spellings),
        values=[
            ValueDetail(
                code=value.code,
                name=value.name,
                status=value.status,
                ends=value.ends,
                replaced_by=list(value.replaced_by),
                labels=per_value.get(str(value.code), 0),
            )
            for value in attribute.values
        ],
        guideline=attribute.guideline,
        examples=[SchemaExample(image=e.image, code=e.code) for e in attribute.examples],
        labelled=counts["labelled"],
        people=counts.get("people"),
    )
