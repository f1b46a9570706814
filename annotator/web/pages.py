"""The pages: templates without data; what they show they ask the API for."""

from __future__ import annotations

from flask import Blueprint, render_template

pages = Blueprint("pages", __name__)


@pages.get("/")
def label() -> str:
    """The label page."""
    return render_template("label.html", active="label")


@pages.get("/rounds")
@pages.get("/rounds/<int:number>")
def rounds(number: int | None = None) -> str:
    """The rounds, or one of them."""
    return render_template("rounds.html", active="rounds", number=number)


@pages.get("/snapshots")
def snapshots() -> str:
    """The snapshots."""
    return render_template("snapshots.html", active="snapshots")
