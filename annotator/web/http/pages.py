"""The pages: templates without data. Their scripts get the data from the API."""

from __future__ import annotations

from flask import Blueprint, render_template

from annotator.formats.import_formats import FORMATS
from annotator.formats.importers.archives.names import NAME_ENCODINGS
from annotator.services.importing.uploads import PIECE_BYTES
from annotator.services.projects import project_token
from annotator.web.http.context import context

pages = Blueprint("pages", __name__)


@pages.get("/")
def label() -> str:
    """The label page."""
    return render_page("label")


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


def render_page(name: str, **values: object) -> str:
    """Render a page's template with the variables that all pages need."""
    with context().project.database.read() as session:
        token = project_token(session)
    return render_template(f"{name}.html", **({"active": name, "project_id": token} | values))
