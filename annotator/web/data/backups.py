"""Where the backups of the project are, and when the last one was made. They are made by command and by the worker."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel

from annotator.services.backups.status import read_status
from annotator.web.http.context import context
from annotator.web.http.contracts import Answer, answers, spec

backups_api = Blueprint("backups_api", __name__, url_prefix="/api/v1/backups")


class GenerationOut(BaseModel):
    """One backup of a place."""

    name: str
    created_at: str


class BackupPlaceOut(Answer):
    """A folder or an archive with backups, newest first.

    `every_seconds`: how often the worker makes one; null: only by command. `keep`: how many stay; null: all. `error`: why the
    last try failed. `reached`: whether the place can be read now; otherwise `generations` is what was there at last.
    """

    path: str
    kind: str
    every_seconds: int | None
    keep: int | None
    last_at: str | None
    error: str | None
    overdue: bool
    reached: bool
    generations: list[GenerationOut]
    text: str


class BackupsOut(Answer):
    """When the last backup was made, what is wrong ("" if nothing), and the places."""

    text: str
    last_at: str | None
    problem: str
    places: list[BackupPlaceOut]


@backups_api.get("")
@spec.validate(resp=answers(HTTP_200=BackupsOut), tags=["backups"])
def show() -> BackupsOut:
    """When and where backups of the project were made."""
    return BackupsOut.model_validate(read_status(context().project).as_dict())
