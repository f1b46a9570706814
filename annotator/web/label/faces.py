"""The API of the search for faces."""

from __future__ import annotations

from flask import Blueprint

from annotator.services.faces.detection import read_face_progress
from annotator.web.http.context import context
from annotator.web.http.contracts import Answer, answers, spec

faces_api = Blueprint("faces_api", __name__, url_prefix="/api/v1/faces")


class FacesOut(Answer):
    """Counts of images: all, searched, with at least one face, with several."""

    images: int
    seen: int
    with_face: int
    with_several: int


@faces_api.get("")
@spec.validate(resp=answers(HTTP_200=FacesOut), tags=["faces"])
def show() -> FacesOut:
    """How many images the search for faces has covered; the worker continues it automatically."""
    with context().project.database.read() as session:
        return FacesOut.model_validate(read_face_progress(session))
