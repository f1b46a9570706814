"""The API of the import page's mapping: what the columns, values and folders of an upload mean, and one change of it."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictInt, StrictStr

from annotator.services.importing.inspection.changes import MappingChange
from annotator.services.importing.inspection.choices import MappedColumn
from annotator.services.importing.inspection.view import MappingView, view_mapping
from annotator.web.http.context import context
from annotator.web.http.contracts import Answer, Request, answers, spec
from annotator.web.http.media import media_url

mapping_api = Blueprint("mapping_api", __name__, url_prefix="/api/v1/imports")

_Name = Annotated[StrictStr, Field(max_length=10_000)]
_Value = Annotated[StrictStr, Field(max_length=1000)]


class MappingRequest(Request):
    """A mapping and one change of it. Only the fields of that change are sent."""

    text: Annotated[StrictStr, Field(max_length=500_000)] = Field(description="The text of a mapping file.")
    image: _Name | None = Field(None, description="The column of a table with the image's name.")
    column: _Name | None = Field(None, description="A column, which answers `attribute`.")
    attribute: _Value = Field("", description="An attribute; empty ignores the column or label.")
    values: dict[_Value, _Value] = Field({}, description="What values of the column mean.", max_length=1000)
    reading: StrictInt | None = Field(None, description="The number of one of the column's readings.")
    label: _Name | None = Field(None, description="A flat label, which means `value` of `attribute`.")
    value: _Value = Field("", description="The value that the label means.")


class MappedValueOut(Answer):
    """A value of the file, how often it occurs, and the value of ours that it means; "" is not labelled."""

    value: str
    count: int
    answer: str


class MappedColumnOut(BaseModel):
    """A column of the file and the attribute that it answers; "" ignores it.

    `distinct`: its different values, counted up to 2,000; `values` lists the most frequent. `readings`: the two ways to read
    its cells, and `reading` the one that was chosen.
    """

    name: str
    count: int
    distinct: int
    attribute: str
    values: list[MappedValueOut]
    readings: list[str]
    reading: int | None


class MappedLabelOut(Answer):
    """A flat label of the file, and the attribute and value that it means; two empty texts ignore it."""

    label: str
    count: int
    attribute: str
    value: str


class MappedExampleOut(BaseModel):
    """An image and the labels that it would get."""

    image: str
    image_url: str
    labels: dict[str, str]


class VideoLengthOut(Answer):
    """The number of frames of a video, and the time of the last one."""

    frames: int
    seconds: float


class MappingOut(BaseModel):
    """What the labels of an upload mean, and `text`, the mapping that says so; "" if none is needed.

    `kind`: `table`, `folders` (named after values), `names` (any other source of labels) or `none`. `image`: the column of a
    table with the image's name, one of `headers`. `more_columns`, `more_labels`: how many are not listed.
    """

    kind: Literal["none", "table", "names", "folders"]
    text: str
    image: str | None
    headers: list[str]
    columns: list[MappedColumnOut]
    more_columns: int
    labels: list[MappedLabelOut]
    more_labels: int
    examples: list[MappedExampleOut]
    video: VideoLengthOut | None


@mapping_api.get("/<int:number>/mapping")
@spec.validate(resp=answers(HTTP_200=MappingOut, problems=(404,)), tags=["imports"])
def show(number: int) -> MappingOut:
    """What the labels of a file that was tried mean: as its mapping says, else by name, else as proposed."""
    return _out(view_mapping(context().project, number))


@mapping_api.post("/<int:number>/mapping/preview")
@spec.validate(resp=answers(HTTP_200=MappingOut, problems=(404,)), tags=["imports"])
def preview(number: int, json: MappingRequest) -> MappingOut:
    """The same for another mapping, or after a change of it. Nothing is kept: `start` takes the text."""
    wanted = MappingChange(**json.model_dump(exclude={"text"}))
    return _out(view_mapping(context().project, number, json.text, wanted))


def _out(view: MappingView) -> MappingOut:
    summary = view.choices.summary
    return MappingOut(
        kind=summary.kind,
        text=view.text,
        image=view.choices.image,
        headers=summary.headers,
        columns=[_column(column) for column in view.choices.columns],
        more_columns=summary.more_columns,
        labels=[MappedLabelOut.model_validate(label) for label in view.choices.labels],
        more_labels=summary.more_labels,
        examples=[
            MappedExampleOut(
                image=image.name,
                image_url=media_url(image.sha256) if image.sha256 else f"data:image/jpeg;base64,{image.jpeg}",
                labels=labels,
            )
            for image, labels in view.examples
        ],
        video=VideoLengthOut.model_validate(view.video) if view.video else None,
    )


def _column(column: MappedColumn) -> MappedColumnOut:
    return MappedColumnOut(
        name=column.name,
        count=column.count,
        distinct=column.distinct,
        attribute=column.attribute,
        values=[MappedValueOut.model_validate(value) for value in column.values],
        readings=[reading.title for reading in column.readings],
        reading=column.reading,
    )
