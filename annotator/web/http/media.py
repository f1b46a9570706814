"""The images that the browser shows: the view made at import, and parts of the original. Their names never change meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import Blueprint, Response, redirect, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from annotator.domain.drawn_examples import drawing_of
from annotator.domain.faces.crops import Crop
from annotator.errors import NotFound
from annotator.services.faces.tiles import THUMBNAIL_SIDE, TILE_SIDE, parse_tile, tile_name
from annotator.web.http.context import context, own_path

media = Blueprint("media", __name__)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def media_url(sha256: str) -> str:
    """The address of the image with this SHA-256."""
    return own_path(f"/media/{sha256}.jpg")


def tile_template(sha256: str, turn: int) -> str:
    """The address of a part of the original: its edges in pixels of the upright image turned by `turn`, and the longer side wanted."""
    return own_path(f"/media/{sha256}/tiles/{{left}}-{{top}}-{{right}}-{{bottom}}-{turn}-{{side}}.jpg")


def tile_url(sha256: str, crop: Crop | None) -> str | None:
    """The address of a part of the original; None if the view is shown instead."""
    return own_path(f"/media/{sha256}/tiles/{tile_name(crop, TILE_SIDE)}.jpg") if crop else None


def thumbnail_url(sha256: str, crop: Crop | None) -> str | None:
    """The address of a thumbnail; None if the view is shown instead."""
    return own_path(f"/media/{sha256}/tiles/{tile_name(crop, THUMBNAIL_SIDE)}.jpg") if crop else None


def example_url(image: str, hashes: Mapping[str, str]) -> str | None:
    """The address of an example of a guideline: an image of the project, or a drawing that comes with the program.

    Args:
        image: the example's image.
        hashes: the SHA-256 of the project's examples by image name.
    """
    if image in hashes:
        return media_url(hashes[image])
    drawing = drawing_of(image)
    return url_for("static", filename=f"examples/{drawing}.webp") if drawing else None


@media.get("/media/<sha256>.jpg")
def view(sha256: str) -> BaseResponse:
    """One image. The name must be a hash, so that no path can be requested.

    An image element may be sent to a signed address of the store. Scripts always get the bytes: the pages' policy lets them ask
    no other server, and what they keep for work without a network must be whole.
    """
    unknown = NotFound("unknown_image", "There is no such image.", do="Ask for the next task.")
    if not _SHA256.fullmatch(sha256):
        raise unknown
    stores, seconds = context().project.stores, context().settings.store_signed_seconds
    if (
        seconds
        and request.headers.get("Sec-Fetch-Dest") == "image"
        and (address := stores.signed_view(sha256, seconds))
    ):
        answer = redirect(address, 302)
        answer.headers["Cache-Control"] = (
            "private, no-store"  # a script must not follow it, nor anybody later
        )
        return answer
    with stores.views.local_path(sha256, "jpg") as path:
        if not path.is_file():
            raise unknown
        return _unchanging(send_file(path, mimetype="image/jpeg", etag=sha256, max_age=31_536_000))


@media.get("/media/<sha256>/tiles/<name>.jpg")
def tile(sha256: str, name: str) -> Response:
    """A part of the original image, at most 1,600 pixels a side."""
    part = parse_tile(name)
    if part is None or not _SHA256.fullmatch(sha256):
        raise NotFound("unknown_image", "There is no such image.", do="Ask for the next task.")
    return _unchanging(Response(context().tiles.read(sha256, *part), mimetype="image/jpeg"))


def _unchanging(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
