"""The requests and answers of the API of snapshots and exports."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from annotator.services.exporting.snapshot_records import MOST_NOTE, MOST_TITLE
from annotator.web.http.contracts import Answer, Key, Request, UtcTime


class SnapshotRequest(Request):
    """Write a snapshot inside the project.

    `probabilities`: also the soft label of every cell. `filled`: with the cells that a model filled; else they are empty.
    """

    names: StrictBool = False
    probabilities: StrictBool = False
    filled: StrictBool = True
    title: Annotated[str, Field(max_length=MOST_TITLE)] = ""
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""


class SnapshotChangeRequest(Request):
    """What the list calls a snapshot and says about it; null leaves it."""

    title: Annotated[str, Field(max_length=MOST_TITLE)] | None = None
    note: Annotated[str, Field(max_length=MOST_NOTE)] | None = None


class SnapshotOut(Answer):
    """A snapshot inside the project; `path` is relative to the project folder."""

    name: str
    content_hash: str
    created_at: UtcTime
    images: int
    labelled: int
    title: str
    note: str
    path: str


class SnapshotsOut(BaseModel):
    """All snapshots, newest first."""

    snapshots: list[SnapshotOut]


class FormatOut(BaseModel):
    """An export format: what it does with image files by default, and what it cannot hold."""

    name: str
    title: str
    images: str
    leaves_out: str


class FormatsOut(BaseModel):
    """All export formats besides the snapshot. `filled`: cells that a model filled, which every export can leave out."""

    formats: list[FormatOut]
    filled: int


class ExportRequest(Request):
    """Write the dataset in another tool's format inside the project; without `images` the format's default applies.

    `filled`: with the cells that a model filled.
    """

    format: Key
    images: Literal["none", "link", "copy"] | None = None
    filled: StrictBool = True


class LossOut(Answer):
    """Something that the format cannot hold: what, how often, and the first images concerned."""

    what: str
    count: int
    first: list[str]


class ExportOut(BaseModel):
    """An export inside the project; `path` is relative to the project folder, `zip_url` downloads all of it.

    `filled`: labels that a model filled.
    """

    name: str
    format: str
    path: str
    zip_url: str
    images: int
    labels: int
    filled: int
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
    """What changed. `names` gives the meaning of the texts in `cells`; an empty text means "not labelled".

    `filled`: by attribute, the cells that a model filled in one of the two and that differ, from and to `open`, `answered` or
    `filled`; their values may be the same.
    """

    same: bool
    schema_changes: list[str]
    names: dict[str, dict[str, str]]
    images: ImageChangesOut
    splits: list[dict[str, str | int]]
    changed_cells: int
    cells: dict[str, list[dict[str, str | int]]]
    people: list[dict[str, str | int]]
    filled: dict[str, list[dict[str, str | int]]]
