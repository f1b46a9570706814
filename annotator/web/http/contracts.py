"""The bodies of requests and answers, as docs/api.md describes them and /api/v1/openapi.json publishes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from spectree import SpecTree

from annotator import __version__
from annotator.services.rounds.jobs import DEFAULT_STRATEGY
from annotator.web.http.problems import bad_request

spec = SpecTree(
    "flask",
    title="Facelabel",
    version=__version__,
    path="description",  # routes below this path are left out; we publish it ourselves, as /api/v1/openapi.json
    mode="strict",
    page_templates={},
    validation_error_status=400,
    before=bad_request,
    annotations=True,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
)

MAX_ID = 2**63 - 1
Key = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[StrictInt, Field(ge=0, le=MAX_ID)] | None


class Request(BaseModel):
    """What every request's body has in common: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class Empty(Request):
    """Nothing."""


class Problem(BaseModel):
    """What happened, what was kept, what to do."""

    code: str
    what: str
    kept: str
    do: str


class ProblemAnswer(BaseModel):
    """The one shape of an error."""

    error: Problem


class ValueOut(BaseModel):
    """One value; `ends`: nothing else is asked after it."""

    code: int
    name: str
    ends: bool


class ExampleOut(BaseModel):
    """An image that shows what a value means; `image_url` is null if the project has no such image."""

    image_name: str
    image_url: str | None
    code: int


class AttributeOut(BaseModel):
    """One attribute of the schema; `guideline` and `examples` tell labellers what its values mean.

    `searched`: there are too many people to send, so `values` is empty and names are asked for at `/people/names`.
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
    """The attributes in the order of the page."""

    attributes: list[AttributeOut]


class ProgressOut(BaseModel):
    """Counts of images."""

    images: int
    done: int
    open: int
    held_by_others: int


class ProgressDetail(ProgressOut):
    """Counts of images, and of labels per attribute.

    `counted_at`: when the worker counted the labels of a large project; null if they are as of now.
    """

    attributes: dict[str, dict[str, Any]]
    counted_at: str | None


class NextRequest(Request):
    """Ask for work."""

    count: int = Field(1, ge=0, le=50, description="0 renews leases only.")
    attribute: str | None = None
    holding: list[Key] = Field(default=[], max_length=200)


class SuggestionOut(BaseModel):
    """A model's answer; `others`: further values as [code, probability], the most probable first."""

    code: int
    probability: float
    others: list[tuple[int, float]]


class CellOut(BaseModel):
    """A cell still to be answered."""

    attribute: str
    suggestion: SuggestionOut | None


Share = Annotated[float, Field(ge=0, le=1)]


class TaskFaceOut(BaseModel):
    """The largest face, as [left, top, right, bottom] in shares of the image's sides: the face, and the whole head."""

    head: tuple[Share, Share, Share, Share]
    box: tuple[Share, Share, Share, Share]
    count: int = Field(description="Faces found in the image.")


class TaskOut(BaseModel):
    """An image leased to the caller; `names`: those of the people among its `labels`, by attribute."""

    image_id: int
    image_name: str
    image_url: str
    width: int
    height: int
    lease: str
    lease_seconds: int
    cells: list[CellOut]
    labels: dict[str, int | None]
    names: dict[str, str]
    face: TaskFaceOut | None = Field(description="Null if none was found, or not looked for yet.")


class NextAnswer(BaseModel):
    """Work, and what became of the leases that the page holds."""

    tasks: list[TaskOut]
    progress: ProgressOut
    renewed: list[str]
    lost: list[str]


class AnnotationRequest(Request):
    """An answer to one image."""

    image_id: Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
    lease: Key | None = None
    values: dict[str, Code | StrictStr] = {}
    accepted: list[str] = []
    corrected: list[str] = Field(
        default=[], description="Attributes whose suggestion was shown and not taken; for figures only."
    )
    milliseconds: Annotated[StrictInt, Field(ge=0, le=2**31)] | None = None
    skip: StrictBool = False
    reason: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Of a skip; may be missing."
    )


class AnnotationAnswer(BaseModel):
    """What was kept."""

    submission: str
    image_id: int
    labels: dict[str, int | None]
    late: bool
    progress: ProgressOut


class UndoRequest(Request):
    """Take an answer back; without `submission` the last one."""

    submission: Key | None = None


class UndoAnswer(BaseModel):
    """The image again, with the answers it had. `task` is null if somebody else works on it by now."""

    submission: str
    task: TaskOut | None
    values: dict[str, int | None]
    progress: ProgressOut


class RoundRequest(Request):
    """Start a round."""

    engine: str = "probe"
    strategy: str = DEFAULT_STRATEGY


class RoundOut(BaseModel):
    """A round."""

    id: int
    state: Literal["queued", "running", "done", "failed"]
    engine: str
    strategy: str
    automatic: bool
    stage: str
    done: int
    total: int
    message: str
    error: str | None
    attempts: int
    labelled: int | None
    features: int | None = Field(
        description="The round whose fine-tuned network gives the features; null: the frozen one's."
    )
    features_reason: str | None = Field(description="Why these; null before it is decided.")
    metrics: dict[str, Any] | None
    in_use: bool = Field(description="Whether the queue and the suggestions come from its predictions.")
    created_at: str
    started_at: str | None
    finished_at: str | None


class RoundsOut(BaseModel):
    """All rounds, the newest first, and when the next one starts by itself.

    `every`: after how many newly labelled images; 0: never. `labelled_since`: images labelled since the newest round's
    snapshot, counted up to 1,000. `networks_after`: fine-tuned networks of rounds up to this one are not used, because somebody
    returned to the frozen one.
    """

    rounds: list[RoundOut]
    every: int
    labelled_since: int
    networks_after: int


class SnapshotRequest(Request):
    """Write a snapshot inside the project."""

    names: StrictBool = False


class SnapshotOut(BaseModel):
    """A snapshot inside the project; `path` is relative to the project folder."""

    name: str
    content_hash: str
    created_at: str
    images: int
    labelled: int
    path: str


class SnapshotsOut(BaseModel):
    """All snapshots, the newest first."""

    snapshots: list[SnapshotOut]


class FormatOut(BaseModel):
    """A format the dataset can leave in: what happens with image files by default, and what it has no place for."""

    name: str
    title: str
    images: str
    leaves_out: str


class FormatsOut(BaseModel):
    """All formats beside the snapshot."""

    formats: list[FormatOut]


class ExportRequest(Request):
    """Write the dataset in another tool's format inside the project; without `images` what the format usually needs."""

    format: Key
    images: Literal["none", "link", "copy"] | None = None


class LossOut(BaseModel):
    """Something that was left out: what, how often, and of which images first."""

    what: str
    count: int
    first: list[str]


class ExportOut(BaseModel):
    """An export inside the project; `path` is relative to the project folder, `zip_url` gives all of it."""

    name: str
    format: str
    path: str
    zip_url: str
    images: int
    labels: int
    lost: list[LossOut]


class VerifiedOut(BaseModel):
    """Every byte of the snapshot is as it was written."""

    whole: Literal[True] = True
    content_hash: str


class DiffQuery(Request):
    """The names of two snapshots of the project, the older one first."""

    a: Key
    b: Key


class NamedOut(BaseModel):
    """A number of images, and the names of the first of them."""

    count: int
    first: list[str]


class ImageChangesOut(BaseModel):
    """Images by what happened to them; `replaced` have other bytes under the same name."""

    unchanged: int
    added: NamedOut
    removed: NamedOut
    renamed: NamedOut
    replaced: NamedOut
    regrouped: NamedOut


class DiffOut(BaseModel):
    """What changed; `names` say what the texts of cells mean, an empty text is "not labelled"."""

    same: bool
    schema_changes: list[str]
    names: dict[str, dict[str, str]]
    images: ImageChangesOut
    splits: list[dict[str, str | int]]
    changed_cells: int
    cells: dict[str, list[dict[str, str | int]]]
    people: list[dict[str, str | int]]


class HealthOut(BaseModel):
    """The server is there and its database answers."""

    status: Literal["ok"]
