"""The OpenAPI description: what SpecTree gathers from the contracts, completed by what whole families of routes share."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from annotator.web.http.access import ACCESS
from annotator.web.http.context import context_of
from annotator.web.http.contracts import spec
from annotator.web.http.security import TAKES_BYTES
from annotator.web.limits.heavy import HEAVY

KEYED = frozenset(
    {
        "assignments.create",
        "browse.correct_image",
        "browse.undo_image_correction",
        "certificates_api.create",
        "erasures_api.erase",
        "exclusions_api.exclude_images",
        "exclusions_api.restore_images",
        "exclusions_api.undo_images",
        "flags_api.flag_image",
        "groups_api.add_decision",
        "imports_api.upload",
        "label_api.annotate",
        "label_api.undo_annotation",
        "people.confirm_set",
        "people.merge_people",
        "people.rename_person",
        "people.undo_change",
        "people_corrections.restore_namings",
        "people_corrections.split",
        "people_corrections.undo_namings",
        "rounds_api.promote_round",
        "rounds_api.use_best_measured",
        "schema_api.apply",
        "selection.change",
        "selection.undo",
        "sweep.annotate_page",
        "sweep.undo_sweep",
        "take_backs.create",
        "take_backs.undo",
        "team.run_aggregation",
    }
)
"""Routes that store something and recognise a repeated request: they need the header Idempotency-Key."""

_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A random text: a new one for every change, the same one when a request is repeated.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_PIECE = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}


def describe_api(app: Flask) -> dict[str, Any]:
    """The OpenAPI description of every route under /api/v1, and of /healthz."""
    with app.app_context():
        description: dict[str, Any] = deepcopy(spec.spec)
    public = context_of(app).settings.public_url
    description["servers"] = [{"url": str(public).rstrip("/") if public else "/"}]
    description["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made by `facelabel users token`.",
        },
        "login": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
    }
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            operation = description["paths"].get(_described_path(rule), {}).get(method.lower())
            if operation is not None:
                _complete(operation, rule.endpoint, method)
    return description


def _described_path(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _complete(operation: dict[str, Any], endpoint: str, method: str) -> None:
    if endpoint in KEYED:
        operation.setdefault("parameters", []).append(_KEY_HEADER)
    if endpoint in TAKES_BYTES:
        operation["requestBody"] = _PIECE
    if ACCESS[endpoint] != "anyone":
        operation["security"] = [{"token": []}, {"login": []}]
        _add_problem(operation, 401, "The caller is not logged in")
    _add_problem(operation, 403, "This caller may not do this, or the request comes from another site")
    _add_problem(operation, 400, "The request does not match this description")
    if endpoint in HEAVY:
        _add_problem(
            operation,
            429,
            "Too many such requests run at once; the header Retry-After says when to repeat it",
        )
    if method == "POST":
        _add_problem(operation, 413, "The body is too large")


def _add_problem(operation: dict[str, Any], status: int, text: str) -> None:
    """Describe an error. All errors have one shape, whatever a contract says."""
    operation["responses"][str(status)] = {"description": text, "content": _PROBLEM}
