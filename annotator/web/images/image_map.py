"""The page *Map* and its API: the images in two dimensions, coloured by label, answer or uncertainty."""

from __future__ import annotations

import re
from typing import Literal

from flask import Blueprint, Response, request, send_file, url_for
from pydantic import BaseModel

from annotator.errors import NotFound, WrongUse
from annotator.services.common.image_maps import ask_for_map, find_map, map_folder
from annotator.services.review.map_colours import COLOURED_BY, map_colours
from annotator.services.review.map_state import read_map_state
from annotator.services.review.queue import own_view
from annotator.web.http.context import context, labeller_id
from annotator.web.http.contracts import Answer, Empty, UtcTime, answers, spec
from annotator.web.http.pages import render_page

image_map = Blueprint("image_map", __name__)
_NAME = re.compile(r"\d{4,6}-[0-9a-f]{16}")
_YEAR = 31_536_000


class MapOut(Answer):
    """The newest map. `number`, `points_url` and `made_at` are null while there is none.

    `images`: how many are on it; `counted`: how many the project has. `state`: ready, waiting for the worker, computing, failed
    or impossible; `message` says why.
    """

    number: int | None
    points_url: str | None
    made_at: UtcTime | None
    images: int
    counted: int
    state: Literal["ready", "waiting", "computing", "failed", "impossible"]
    message: str


class MapAskedOut(BaseModel):
    """The map will be made anew."""

    state: Literal["waiting"]


@image_map.get("/map")
def map_page() -> str:
    """The page of the map."""
    return render_page("map")


@image_map.get("/api/v1/map")
@spec.validate(resp=answers(HTTP_200=MapOut), tags=["browse"])
def show_map() -> MapOut:
    """The newest map of the images, and whether another one is being made."""
    project = context().project
    with project.database.read() as session:
        state = read_map_state(project, session)
    address = None if state.file is None else url_for("image_map.points", name=state.file.stem)
    return MapOut(
        number=state.number,
        points_url=address,
        made_at=state.made_at,
        images=state.images,
        counted=state.counted,
        state=state.state,
        message=state.message,
    )


@image_map.post("/api/v1/map")
@spec.validate(resp=answers(HTTP_202=MapAskedOut), tags=["browse"])
def make_map(json: Empty) -> tuple[MapAskedOut, int]:
    """Let the worker make the map anew; a second request while it waits changes nothing."""
    del json
    ask_for_map(context().project)
    return MapAskedOut(state="waiting"), 202


@image_map.get("/map/<name>/points")
def points(name: str) -> Response:
    """The ids and places of the images on a map, as FORMATS.md describes them; what an address holds never changes."""
    file = map_folder(context().project) / f"{name}.map"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise NotFound("unknown_map", "There is no such map.", do="Load the page Map again.")
    response = send_file(file.open("rb"), mimetype="application/octet-stream", etag=name, max_age=_YEAR)
    response.headers["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
    return response


@image_map.get("/map/<int:number>/colours")
def colours(number: int) -> Response:
    """One byte for each image on a map, in its order; a labeller gets only their own answers."""
    by = request.args.get("by", "label")
    if by not in COLOURED_BY:
        raise WrongUse(
            "bad_request", f"There are no colours by {by!r}.", do=f"Send by={', '.join(COLOURED_BY)}."
        )
    project = context().project
    with project.database.read() as session:
        own_of = own_view(session, labeller_id())
        found = map_colours(
            project, session, find_map(project, number), by, request.args.get("attribute"), own_of
        )
    return Response(found.tobytes(), mimetype="application/octet-stream")
