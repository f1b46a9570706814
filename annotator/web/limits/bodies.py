"""The JSON of requests, read strictly and once, before a route runs and before anything locks the database.

A body is one JSON object in UTF-8 (RFC 8259). What two programs could read in two ways is refused: a repeated key, NaN, a number
that a double or the database cannot hold, half of a surrogate pair, a NUL.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any, NoReturn

from flask import Flask, Request, request

from annotator.errors import WrongUse

MAX_DEPTH = 16
"""How deeply the arrays and objects of a body may be nested; the contracts need four levels."""
_LARGEST = 2**63 - 1
_READS_ONLY = {"GET", "HEAD", "OPTIONS"}


class StrictRequest(Request):
    """A request whose JSON is what `parse_body` makes of it, for every reader."""

    _object: dict[str, Any] | None = None

    def get_json(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return the body.

        Raises:
            WrongUse: if it is not a JSON object.
        """
        if self._object is None:
            self._object = parse_body(self.get_data())
        return self._object


def read_bodies(app: Flask, takes_bytes: Collection[str]) -> None:
    """Refuse a malformed request before its route is called.

    Args:
        app: the app.
        takes_bytes: the endpoints whose body is a piece of a file.
    """
    app.request_class = StrictRequest

    @app.before_request
    def read() -> None:
        for text in (request.path, *request.args, *request.args.values()):
            _check_text(text)
        reads_only = request.method in _READS_ONLY or request.endpoint is None
        if not reads_only and request.endpoint not in takes_bytes:
            request.get_json()


def parse_body(content: bytes) -> dict[str, Any]:
    """Parse the body of a request.

    Raises:
        WrongUse: if it is not a JSON object, or can be read in two ways.
    """
    try:
        body = json.loads(content.decode(), object_pairs_hook=_object_of, parse_constant=_refuse_constant)
    except RecursionError:
        _refuse("It is nested too deeply")
    except ValueError as error:  # also not UTF-8, and an integer with too many digits
        _refuse(f"It is not JSON ({error})")
    if not isinstance(body, dict):
        _refuse("It is not a JSON object")
    _check_values(body)
    return body


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in made if names.count(name) > 1)
        _refuse(f"It has the key {repeated[:60]!a} twice")
    return made


def _check_values(body: dict[str, Any]) -> None:
    """Check depth, numbers and texts. The values wait in a list: a deeply nested body must not exhaust the stack."""
    waiting: list[tuple[Any, int]] = [(body, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                _refuse(f"It is nested more than {MAX_DEPTH} levels deep")
            inner = value
            if isinstance(value, dict):
                inner = list(value.values())
                for name in value:
                    _check_text(name)
            waiting += [(one, depth + 1) for one in inner]
        elif isinstance(value, str):
            _check_text(value)
        elif isinstance(value, float) and not math.isfinite(value):
            _refuse("It holds a number that is too large")
        elif isinstance(value, int) and abs(value) > _LARGEST:
            _refuse("It holds a whole number that is too large")


def _check_text(text: str) -> None:
    if "\0" in text:
        _refuse("It holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse("It holds half of a surrogate pair")


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"It holds {name}, which JSON does not have")


def _refuse(what: str) -> NoReturn:
    raise WrongUse(
        "bad_request",
        f"The request cannot be read. {what}.",
        do="Send one JSON object in UTF-8, see docs/api.md.",
    )
