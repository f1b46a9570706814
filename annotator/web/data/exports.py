"""The API of exports in other tools' formats, and their download."""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, request, send_file, url_for
from flask import Response as FlaskResponse

from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.services.exporting.exports import export_as, export_folder
from annotator.services.exporting.filled import count_filled_cells
from annotator.services.exporting.label_files import write_coursework, write_labels
from annotator.web.data.contracts import ExportOut, ExportRequest, FormatOut, FormatsOut, LossOut
from annotator.web.data.downloads import zip_answer
from annotator.web.http.context import context
from annotator.web.http.contracts import answers, spec

exports_api = Blueprint("exports_api", __name__, url_prefix="/api/v1/exports")
export_files = Blueprint("export_files", __name__)


@exports_api.get("/formats")
@spec.validate(resp=answers(HTTP_200=FormatsOut), tags=["snapshots"])
def formats() -> FormatsOut:
    """The export formats."""
    with context().project.database.read() as session:
        filled = count_filled_cells(session)
    return FormatsOut(
        filled=filled,
        formats=[
            FormatOut(name=name, title=way.title, images=way.images, leaves_out=way.leaves_out)
            for name, way in EXPORT_FORMATS.items()
        ],
    )


@exports_api.post("")
@spec.validate(resp=answers(HTTP_201=ExportOut), tags=["snapshots"])
def create(json: ExportRequest) -> tuple[ExportOut, int]:
    """Write the dataset in another tool's format inside the project, and list what the format cannot hold."""
    report = export_as(context().project, json.format, images=json.images, filled=json.filled)
    name = Path(report.path).name
    return ExportOut(
        name=name,
        format=report.format,
        path=f"exports/{name}",
        zip_url=url_for("export_files.download", name=name),
        images=report.images,
        labels=report.labels,
        filled=report.filled,
        lost=[LossOut.model_validate(loss) for loss in report.lost],
    ), 201


@export_files.get("/export/labels.csv")
def labels_file() -> FlaskResponse:
    """The labels as they are now, one row per image; with `?names=1` names instead of codes, with `?filled=0` without those that a model filled."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.csv"
        names, filled = request.args.get("names") == "1", request.args.get("filled") != "0"
        write_labels(context().project, file, names=names, filled=filled)
        return _csv(file)


@export_files.get("/export/annotations.csv")
def coursework_file() -> FlaskResponse:
    """The labels as they are now, in the coursework's format."""
    with tempfile.TemporaryDirectory() as folder:
        return _csv(write_coursework(context().project, Path(folder)))


def _csv(file: Path) -> FlaskResponse:
    """A file to download. It is opened before its folder is removed, so it is sent whole."""
    return send_file(file.open("rb"), mimetype="text/csv", as_attachment=True, download_name=file.name)


@export_files.get("/exports/<name>/zip")
def download(name: str) -> FlaskResponse:
    """The export as a zip file, made while it is sent. The same labels give the same bytes."""
    folder, form = export_folder(context().project, name)
    return zip_answer(folder, form, name)
