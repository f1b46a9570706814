"""The pages: templates without data; what they show they ask the API for."""

from __future__ import annotations

from flask import Blueprint, render_template
from sqlalchemy import select

from annotator.formats.import_formats import FORMATS
from annotator.models import Project
from annotator.services.importing.uploads import PIECE_BYTES
from annotator.web.http.context import context

pages = Blueprint("pages", __name__)


@pages.get("/")
def label() -> str:
    """The label page."""
    return render_page("label")


@pages.get("/rounds")
@pages.get("/rounds/<int:number>")
def rounds(number: int | None = None) -> str:
    """The rounds, or one of them."""
    return render_page("rounds", number=number)


@pages.get("/snapshots")
def snapshots() -> str:
    """The snapshots."""
    return render_page("snapshots")


@pages.get("/import")
def import_page() -> str:
    """Bringing a file in."""
    return render_page("import", formats=FORMATS, piece_bytes=PIECE_BYTES)


def render_page(name: str, **values: object) -> str:
    """A page's template, with what all pages need: their data they ask the API for."""
    with context().project.database.read() as session:
        token = session.scalars(select(Project.token)).one()
    return render_template(f"{name}.html", **({"active": name, "project_id": token} | values))
