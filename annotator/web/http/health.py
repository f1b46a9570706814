"""Whether the server and its database answer, and the description of the API."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify
from flask import Response as FlaskResponse
from spectree import Response
from sqlalchemy import text

from annotator.web.http.context import context
from annotator.web.http.contracts import HealthOut, spec
from annotator.web.http.description import describe_api

health = Blueprint("health", __name__)


@health.get("/healthz")
@spec.validate(resp=Response(HTTP_200=HealthOut), tags=["health"])
def check() -> HealthOut:
    """200 once the database answers."""
    with context().project.database.read() as session:
        session.execute(text("SELECT 1"))
    return HealthOut(status="ok")


@health.get("/api/v1/openapi.json")
def describe() -> FlaskResponse:
    """The description of the API."""
    return jsonify(describe_api(current_app))
