"""What the browser shows of an image: the upright JPEG made at import, found by content, so it never changes."""

from __future__ import annotations

import re

from flask import Blueprint, Response, send_file

from annotator.errors import NotFound
from annotator.files import shard_path
from annotator.web.http.context import context

media = Blueprint("media", __name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@media.get("/media/<sha256>.jpg")
def view(sha256: str) -> Response:
    """One image. The name is a hash and nothing else, so no path can be asked for."""
    path = shard_path(context().project.views, sha256, "jpg")
    if not _SHA256.fullmatch(sha256) or not path.is_file():
        raise NotFound("unknown_image", "There is no such image.", do="Ask for the next task.")
    response = send_file(path, mimetype="image/jpeg", etag=sha256, max_age=31_536_000)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
