"""The images that the browser shows: the upright JPEG made at import. Its name is its hash, so it never changes."""

from __future__ import annotations

import re

from flask import Blueprint, Response, send_file

from annotator.errors import NotFound
from annotator.files import shard_path
from annotator.web.http.context import context

media = Blueprint("media", __name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def media_url(sha256: str) -> str:
    """The address of the image with this SHA-256."""
    return f"/media/{sha256}.jpg"


@media.get("/media/<sha256>.jpg")
def view(sha256: str) -> Response:
    """One image. The name must be a hash, so that no path can be requested."""
    path = shard_path(context().project.views, sha256, "jpg")
    if not _SHA256.fullmatch(sha256) or not path.is_file():
        raise NotFound("unknown_image", "There is no such image.", do="Ask for the next task.")
    response = send_file(path, mimetype="image/jpeg", etag=sha256, max_age=31_536_000)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
