"""Folders that are downloaded as zip files."""

from __future__ import annotations

from pathlib import Path

from flask import Response, request
from werkzeug.wsgi import wrap_file

from annotator.formats.snapshot.zip import ZippedFolder


def zip_answer(folder: Path, name: str, download_name: str) -> Response:
    """Send a folder as a zip file in which it is called `name`.

    The web server reads it like a file, whenever the client takes more, so that no thread waits for a slow client.
    """
    zipped = ZippedFolder(folder, name)
    answer = Response(
        wrap_file(request.environ, zipped),  # type: ignore[arg-type]  # it has all of a file that is read here
        mimetype="application/zip",
        direct_passthrough=True,
    )
    answer.content_length = zipped.size
    answer.headers["Content-Disposition"] = f'attachment; filename="{download_name}.zip"'
    return answer
