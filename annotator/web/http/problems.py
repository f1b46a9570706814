"""Every error in one JSON shape, or as a page if a person opened a page."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response, current_app, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from annotator.errors import FacelabelError, TooMany

_Answer = tuple[Response | str, int, dict[str, str]]
_PAGE_ERRORS = {404: ("There is no page at this address.", "Check the address, or begin at the label page.")}
"""By status, what a person reads in place of the HTTP library's words, and what to do."""


def is_api(request: Request) -> bool:
    """Whether a program or a page sent a request, and no person opened a page.

    Images are among these: a browser that was led to the page to log in would keep that page as the image.
    """
    return request.path.startswith(("/api/", "/media/", "/healthz", "/metrics")) or request.method != "GET"


def tell_errors(app: Flask) -> None:
    """Answer every error, expected or not, with full sentences and without a traceback."""

    @app.errorhandler(FacelabelError)
    def expected(error: FacelabelError) -> _Answer:
        return _answer(error, error.status)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> _Answer | HTTPException | Response:
        if error.response is not None:
            return error.response  # type: ignore[return-value]
        status = error.code or 500
        code = error.name.lower().replace(" ", "_")
        what, do = error.description or error.name, "See docs/api.md."
        if not is_api(request):
            what, do = _PAGE_ERRORS.get(status, (what, "Check the address, or go back."))
        return _answer(FacelabelError(code, what, do=do), status)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> _Answer:
        current_app.logger.error("unexpected error in %s %s", request.method, request.path, exc_info=error)
        answer = FacelabelError(
            "internal_error",
            f"Something went wrong in the server ({type(error).__name__}).",
            kept="This request changed nothing; everything acknowledged earlier is safe.",
            do="Try again. If it happens again, look in the server's log.",
        )
        return _answer(answer, 500)


def _answer(error: FacelabelError, status: int) -> _Answer:
    retry_after = error.retry_after if isinstance(error, TooMany) else None
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if is_api(request):
        return jsonify(error.as_dict()), status, headers
    return render_template("error.html", error=error, active=None), status, headers


def bad_request(_request: Any, response: Response, problem: Any, _instance: Any, _adapter: Any) -> None:
    """Replace SpecTree's answer to a request that does not match its contract by our error shape."""
    if problem is None:
        return
    first = problem.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    error = FacelabelError(
        "bad_request", f"{where or 'The body'}: {first['msg']}.", do="See /api/v1/openapi.json."
    )
    response.set_data(current_app.json.dumps(error.as_dict()))
    response.mimetype = "application/json"
