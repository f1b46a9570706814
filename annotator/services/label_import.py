"""Importing labels from a file: all of it or nothing, and never over what a person answered."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL
from annotator.errors import FacelabelError
from annotator.formats.table import Mapping, Row, read_table
from annotator.models import Annotation, Image, ImageAlias, Label, Labeller
from annotator.project import ProjectFolder
from annotator.services.groups import regroup_all
from annotator.services.labels import NewAnnotation, add_annotations, add_submission
from annotator.services.people import code_of_person
from annotator.services.schema_changes import recount_open_cells
from annotator.services.schema_in_force import schema_in_force

_SHOWN = 5


@dataclass
class LabelReport:
    """What an import of labels did, in cells.

    `absent` counts rows whose image the project does not have. `contradictions` are cells (image name, attribute) that
    differ from another row's answer to the same image, under another name of it; the first row counts.
    """

    rows: int = 0
    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    kept: int = 0
    contradictions: list[tuple[str, str]] = field(default_factory=list)
    absent: int = 0
    absent_names: list[str] = field(default_factory=list)
    left_aside: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _NewLabel:
    image_id: int
    attribute_id: int
    code: int | None


def import_labels(project: ProjectFolder, path: Path, mapping: Mapping | None = None) -> LabelReport:
    """Take in the labels of a CSV as annotations of the origin "import".

    A cell without a label gets one; a label that was itself imported is replaced; a person's answer is kept. Rows whose
    image the project does not have are counted and named, and no image is invented for them.

    Raises:
        FacelabelError: if any part of the file cannot be read; nothing is imported then.
    """
    with project.database.read() as session:
        schema = schema_in_force(session).schema
    table = read_table(path, schema, mapping)
    report = LabelReport(rows=len(table.rows), left_aside=table.left_aside)
    with project.database.write() as session:
        new = _new_labels(session, table.rows, report)
        if report.absent == report.rows:
            raise FacelabelError(
                "no_image_matches",
                f"None of the {report.rows} rows of {path} names an image of the project: "
                f"{', '.join(report.absent_names)}, …",
                do="Import the images first, or map the column with their names with --map FILE.",
            )
        if new:
            _write(session, path, new)
            regroup_all(session)
            recount_open_cells(session)
    return report


def _new_labels(session: Session, rows: Iterable[Row], report: LabelReport) -> list[_NewLabel]:
    """What the rows say that the project does not know yet."""
    current = {
        (image, attribute): (code, origin)
        for image, attribute, code, origin in session.execute(
            select(Label.image_id, Label.attribute_id, Label.code, Annotation.origin).join(
                Annotation, Annotation.id == Label.annotation_id
            )
        )
    }
    new = []
    for (image_id, attribute_id), code in cells_of_rows(session, rows, report).items():
        before = current.get((image_id, attribute_id))
        if before is None:
            report.added += 1
        elif before[0] == code:
            report.unchanged += 1
            continue
        elif before[1] == "import":
            report.replaced += 1
        else:
            report.kept += 1
            continue
        new.append(_NewLabel(image_id, attribute_id, code))
    return new


def cells_of_rows(
    session: Session, rows: Iterable[Row], report: LabelReport | None = None
) -> dict[tuple[int, int], int | None]:
    """The rows as image and attribute → code. Two names of one image may disagree: the first row counts then."""
    report = report or LabelReport()
    images = _images_by_name(session)
    ids = schema_in_force(session).ids
    people: dict[tuple[str, str], int] = {}
    cells: dict[tuple[int, int], int | None] = {}
    for row in rows:
        image_id = images.get(row.image_name) or images.get(PurePosixPath(row.image_name).name)
        if image_id is None:
            report.absent += 1
            if len(report.absent_names) < _SHOWN:
                report.absent_names.append(row.image_name)
            continue
        for name, answer in row.answers.items():
            code = answer if isinstance(answer, int) else people.get((name, answer))
            if code is None:
                code = people[name, str(answer)] = code_of_person(session, name, answer)
            given = None if code == CANNOT_TELL else code
            if cells.setdefault((image_id, ids[name]), given) != given:
                report.contradictions.append((row.image_name, name))
    return cells


def _images_by_name(session: Session) -> dict[str, int]:
    """Images by the names a label file may use: file name alone if it is unique, other names, own names."""
    own = dict(session.execute(select(Image.name, Image.id)).all())
    short: dict[str, int | None] = {}
    for name, number in own.items():
        base = PurePosixPath(name).name
        short[base] = None if base in short else number
    aliases = dict(session.execute(select(ImageAlias.name, ImageAlias.image_id)).all())
    return {name: number for name, number in short.items() if number is not None} | aliases | own


def _write(session: Session, path: Path, new: list[_NewLabel]) -> None:
    importer = session.scalar(select(Labeller).where(Labeller.name == "import"))
    if importer is None:
        importer = Labeller(name="import")
        session.add(importer)
        session.flush()
    submission_id = add_submission(
        session,
        key=f"import:{secrets.token_hex(16)}",
        kind="import",
        fingerprint=path.name,
        labeller_id=importer.id,
        image_id=None,
    )
    cells = [NewAnnotation(cell.image_id, cell.attribute_id, cell.code, "import") for cell in new]
    add_annotations(session, submission_id, cells)
    session.expire_all()
