"""The requests and answers of the label page's API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictStr

from annotator.services.tasks.task import Task
from annotator.web.http.contracts import (
    Answer,
    Code,
    ExclusionOut,
    Id,
    Key,
    Milliseconds,
    ProgressOut,
    Request,
    UtcTime,
)
from annotator.web.http.media import media_url, thumbnail_url, tile_template

Share = Annotated[float, Field(ge=0, le=1)]


class ValueOut(BaseModel):
    """One value. `ends`: an image with this value needs no further answers."""

    code: int
    name: str
    ends: bool


class ExampleOut(BaseModel):
    """An image that shows what a value means; `image_url` is null if the project does not have the image."""

    image_name: str
    image_url: str | None
    code: int


class AttributeOut(BaseModel):
    """One attribute of the schema; `guideline` and `examples` tell labellers what its values mean.

    `searched`: the people are too many to send, so `values` is empty; search for names at `/people/names`.
    """

    name: str
    title: str
    kind: Literal["categorical", "open"]
    key: str
    required: bool
    values: list[ValueOut]
    searched: bool
    guideline: str
    examples: list[ExampleOut]


class SchemaOut(BaseModel):
    """The attributes in the order of the label page."""

    attributes: list[AttributeOut]


class ProgressDetail(ProgressOut):
    """Counts of images, and of labels per attribute.

    `counted_at`: when the worker counted the labels of a large project; null if the counts are current.
    """

    attributes: dict[str, dict[str, Any]]
    counted_at: UtcTime | None


class NextRequest(Request):
    """Ask for images to label."""

    count: int = Field(1, ge=0, le=50, description="0 only renews leases.")
    attribute: str | None = None
    holding: list[Key] = Field(default=[], max_length=200)
    skipped: Literal["never", "last", "only"] = Field(
        "never",
        description="When images come that the caller skipped: `last`: those skipped once, if nothing else is left; `only`: all "
        "of them and nothing else.",
    )


class SuggestionOut(Answer):
    """A model's answer; `others`: further values as [code, probability], most probable first."""

    code: int
    probability: float
    others: list[tuple[int, float]]


class CellOut(Answer):
    """A cell that still needs an answer."""

    attribute: str
    suggestion: SuggestionOut | None


class AskedFaceOut(Answer):
    """The face that the questions are about: it and its head as [left, top, right, bottom] in fractions of the image's sides.

    `turn`: degrees clockwise after which the face is upright. `small`: it takes less than half of the image, across and down.
    """

    head: tuple[Share, Share, Share, Share]
    box: tuple[Share, Share, Share, Share]
    count: int = Field(description="Faces found in the image.")
    turn: Literal[0, 90, 180, 270]
    small: bool


class TaskFaceOut(Answer):
    """A face of an image with boxes as of AskedFaceOut; `number`: from 1 in falling size; `asked`: the questions are about it."""

    number: int
    asked: bool
    head: tuple[Share, Share, Share, Share]
    box: tuple[Share, Share, Share, Share]


class LeasedImageOut(BaseModel):
    """An image leased to the caller. `thumbnail_url`: its head; null if `image_url` shows it well enough."""

    image_id: int
    image_name: str
    image_url: str
    thumbnail_url: str | None
    width: int
    height: int
    lease: str
    lease_seconds: int


class TaskOut(LeasedImageOut):
    """An image leased to the caller; `names`: the people among its `labels`, by attribute."""

    cells: list[CellOut]
    labels: dict[str, int | None]
    names: dict[str, str]
    face: AskedFaceOut | None = Field(
        description="Null if no face was found, or the image has not been searched yet."
    )
    faces: list[TaskFaceOut] | None = Field(
        description="At most 100. Empty if no face was found; null if the image has not been searched yet."
    )
    tile_url: str | None = Field(
        description="Where the pixels of the original are: the name with the edges of a part, in pixels of the turned image, and the "
        "longer side that is wanted, at most 1,600. Null if `image_url` has all pixels."
    )


class NextAnswer(BaseModel):
    """Images to label; which of the leases in `holding` were renewed, and which are lost.

    `reserved`: there is no image for the caller now, and open ones are assigned to others.
    """

    tasks: list[TaskOut]
    progress: ProgressOut
    renewed: list[str]
    lost: list[str]
    reserved: bool


class AnnotationRequest(Request):
    """An answer to one image."""

    image_id: Id
    lease: Key | None = None
    values: dict[str, Code | StrictStr] = Field(default={})
    accepted: list[str] = Field(default=[])
    corrected: list[str] = Field(
        default=[],
        description="Attributes whose suggestion was shown and not accepted; used for metrics only.",
    )
    milliseconds: Milliseconds | None = None
    skip: StrictBool = False
    reason: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Why the image is skipped; optional."
    )


class AnnotationAnswer(Answer):
    """What was stored. `excluded`: somebody excluded the image meanwhile; the answer counts if the image is restored."""

    submission: str
    image_id: int
    labels: dict[str, int | None]
    late: bool
    excluded: ExclusionOut | None
    progress: ProgressOut


class UndoRequest(Request):
    """Undo an answer: `submission`, or the last one without it."""

    submission: Key | None = None


class UndoAnswer(BaseModel):
    """The image again, with the answers it had. `task` is null if somebody else is working on it now."""

    submission: str
    task: TaskOut | None
    values: dict[str, int | None]
    progress: ProgressOut


def leased_image(task: Task, lease_seconds: int) -> dict[str, Any]:
    """The fields of a `LeasedImageOut`."""
    return {
        "image_id": task.image_id,
        "image_name": task.image_name,
        "image_url": media_url(task.sha256),
        "thumbnail_url": thumbnail_url(task.sha256, task.thumbnail),
        "width": task.width,
        "height": task.height,
        "lease": task.lease,
        "lease_seconds": lease_seconds,
    }


def tile_url_out(task: Task) -> str | None:
    """The address of the parts of a task's image."""
    return tile_template(task.sha256, task.face.turn if task.face else 0) if task.detailed else None


def cells_out(task: Task) -> list[CellOut]:
    """The open cells of a task with their suggestions."""
    return [CellOut.model_validate(cell) for cell in task.cells]
