"""The insights page, its API, and the numbers of each chart as CSV."""

from __future__ import annotations

from flask import Blueprint, request
from flask import Response as FlaskResponse

from annotator.formats.snapshot.csv_text import csv_line
from annotator.services.insights.csv_tables import insights_table
from annotator.services.insights.report import Insights, read_insights
from annotator.web.http.context import context
from annotator.web.http.contracts import answers, spec
from annotator.web.http.pages import render_page
from annotator.web.progress.insights_contracts import InsightsOut, insights_out

insights = Blueprint("insights", __name__)


@insights.get("/insights")
def insights_page() -> str:
    """The insights page."""
    return render_page("insights")


@insights.get("/api/v1/insights")
@spec.validate(resp=answers(HTTP_200=InsightsOut), tags=["rounds"])
def show_insights() -> InsightsOut:
    """What the labels and rounds so far show, per attribute."""
    return insights_out(_read())


@insights.get("/insights/<table>.csv")
def numbers(table: str) -> FlaskResponse:
    """The numbers of a chart as CSV; `?attribute=` selects the rows of one attribute."""
    rows = insights_table(_read(), table, request.args.get("attribute"))
    lines = "".join(csv_line("" if cell is None else cell for cell in row) for row in rows)
    answer = FlaskResponse(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{table}.csv"'
    return answer


def _read() -> Insights:
    project = context().project
    with project.database.read() as session:
        return read_insights(project, session)
