"""The pages: templates without data. Their scripts get the data from the API."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template, send_file, url_for

from annotator.formats.import_formats import FORMATS
from annotator.formats.importers.archives.names import NAME_ENCODINGS
from annotator.resources import resource
from annotator.services.importing.uploads import PIECE_BYTES
from annotator.services.projects import has_images, project_token
from annotator.web.http.context import context, own_path

pages = Blueprint("pages", __name__)

_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable.png", "512x512", "maskable"),
)


@pages.get("/")
def label() -> str:
    """The label page."""
    return render_page("label", piece_bytes=PIECE_BYTES)


@pages.get("/rounds")
@pages.get("/rounds/<int:number>")
def rounds(number: int | None = None) -> str:
    """The list of rounds, or one round."""
    return render_page("rounds", number=number)


@pages.get("/snapshots")
def snapshots() -> str:
    """The snapshots."""
    return render_page("snapshots")


@pages.get("/import")
def import_page() -> str:
    """The import page."""
    return render_page("import", formats=FORMATS, name_encodings=NAME_ENCODINGS, piece_bytes=PIECE_BYTES)


@pages.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a browser needs to install the project's pages as an app. It is fetched without a login."""
    name = context().project.name
    icons = [
        {"src": url_for("static", filename=file), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for file, sizes, purpose in _ICONS
    ]
    described = {
        "id": own_path("/"),
        "name": f"{name} · Facelabel",
        "short_name": name,
        "description": "Label faces.",
        "start_url": own_path("/"),
        "scope": own_path("/"),
        "display": "standalone",
        "background_color": "#f5f6f8",
        "theme_color": "#1f5fbf",
        "icons": icons,
    }
    return Response(current_app.json.dumps(described), mimetype="application/manifest+json")


@pages.get("/offline.js")
def offline_worker() -> Response:
    """The service worker that opens the label page without a network. Its place makes all pages of the project its scope."""
    response = send_file(resource("static") / "js" / "offline" / "worker.js", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


def render_page(name: str, **values: object) -> str:
    """Render a page's template with the variables that all pages need."""
    with context().project.database.read() as session:
        token = project_token(session)
        no_images = not has_images(session)
    common = {"active": name, "project_id": token, "no_images": no_images}
    return render_template(f"{name}.html", **(common | values))
