"""Whether the server and its database answer, and the description of the API."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, current_app
from flask import Response as FlaskResponse
from pydantic import BaseModel

from annotator.errors import Busy
from annotator.web.http.context import context
from annotator.web.http.contracts import answers, spec
from annotator.web.http.description import describe_api

health = Blueprint("health", __name__)


class HealthOut(BaseModel):
    """The server runs and its database answers."""

    status: Literal["ok"]


@health.get("/healthz")
@spec.validate(resp=answers(HTTP_200=HealthOut, problems=(503,)), tags=["health"])
def check() -> HealthOut:
    """Answer 200 if the database can be read and no damage was found in it, else 503. Any host may be named."""
    served = context()
    if served.checkup.damage:
        raise Busy("damaged_database", "The database is damaged.", do="Look in the server's log.")
    served.project.database.check_answers()
    return HealthOut(status="ok")


@health.get("/api/v1/openapi.json")
def describe() -> FlaskResponse:
    """The description of the API. It is made once: everybody may ask for it, and it takes a third of a second."""
    kept = current_app.extensions.setdefault("facelabel-description", {})
    if "bytes" not in kept:
        kept["bytes"] = current_app.json.dumps(describe_api(current_app)).encode()
    return FlaskResponse(kept["bytes"], mimetype="application/json")
