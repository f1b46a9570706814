"""The API of the search for faces."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint
from pydantic import BaseModel
from spectree import Response

from annotator.services.faces.detection import read_face_progress
from annotator.web.http.context import context
from annotator.web.http.contracts import spec

faces_api = Blueprint("faces_api", __name__, url_prefix="/api/v1/faces")


class FacesOut(BaseModel):
    """Counts of images: all, looked at, with at least one face, with several."""

    images: int
    seen: int
    with_face: int
    with_several: int


@faces_api.get("")
@spec.validate(resp=Response(HTTP_200=FacesOut), tags=["faces"])
def show() -> FacesOut:
    """How far the search for faces is; the worker goes on with it by itself."""
    with context().project.database.read() as session:
        return FacesOut(**asdict(read_face_progress(session)))
