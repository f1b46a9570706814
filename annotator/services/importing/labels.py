"""Importing labels from a file: all of it or nothing, and never over what a person answered."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.precedence import CellState, KeptAs, Way, decide, owner_of
from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME
from annotator.domain.states import Origin as AnnotationOrigin
from annotator.domain.states import SubmissionKind
from annotator.errors import FacelabelError
from annotator.formats.importers.celeba_names import png_name
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.table import read_table
from annotator.formats.importers.translate import Row
from annotator.models import Annotation, Image, ImageAlias, Label, Labeller, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.log import NewAnnotation, add_annotations, add_submission
from annotator.services.grouping.rebuild import regroup_all
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema.open_values import MAX_NAME, code_of_person
from annotator.services.schema_editing.changes import recount_open_cells

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
    notes: list[str] = field(default_factory=list)
    values: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """Where labels come from and what they count as.

    Args:
        name: the source's name.
        opinions: kept beside the label, by a labeller named after the source; else they become the label.
        hashes: the content of the images that came with them, by their name at the source.
    """

    name: str
    opinions: bool = False
    hashes: AnyMapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _NewLabel:
    image_id: int
    attribute_id: int
    code: int | None
    labeller: str


def import_labels(project: ProjectFolder, path: Path, mapping: Mapping | None = None) -> LabelReport:
    """Take in the labels of a CSV as annotations of the origin "import".

    A cell without a label gets one; a label that was itself imported is replaced; a person's answer is kept. Rows whose
    image the project does not have are counted and named, and no image is invented for them.

    Raises:
        FacelabelError: if any part of the file cannot be read; nothing is imported then.
    """
    with project.database.read() as session:
        schema = active_schema(session).schema
    table = read_table(path, schema, mapping)
    report = LabelReport(left_aside=table.left_aside, notes=table.notes)
    with project.database.write() as session:
        import_rows(session, table.rows, Origin(path.name), report)
    return report


def import_rows(session: Session, rows: list[Row], origin: Origin, report: LabelReport) -> None:
    """Take in rows of labels, all of them or none.

    Raises:
        FacelabelError: if none of the rows' images is in the project, or a person's name cannot be used.
    """
    report.rows = len(rows)
    cells = _cells(session, rows, origin, report)
    if rows and report.absent == report.rows:
        raise FacelabelError(
            "no_image_matches",
            f"None of the {report.rows} rows of {origin.name} names an image of the project: "
            f"{', '.join(report.absent_names)}, …",
            do="Import the images first, or map the column with their names with --map FILE.",
        )
    new = _new_opinions(session, cells, report) if origin.opinions else _new_labels(session, cells, report)
    _count_values(session, new, report)
    if new:
        _write(session, origin, new)
    if new and not origin.opinions:
        regroup_all(session)
        recount_open_cells(session)


def _new_labels(session: Session, cells: Iterable[_NewLabel], report: LabelReport) -> list[_NewLabel]:
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
    for cell in cells:
        before = current.get((cell.image_id, cell.attribute_id))
        if before is None:
            report.added += 1
        elif before[0] == cell.code:
            report.unchanged += 1
            continue
        elif decide(CellState(owner_of(before[1], own=False)), Way.IMPORT) is KeptAs.LABEL:
            report.replaced += 1
        else:
            report.kept += 1
            continue
        new.append(cell)
    return new


def _new_opinions(session: Session, cells: Iterable[_NewLabel], report: LabelReport) -> list[_NewLabel]:
    """The opinions that their labellers have not given already."""
    given = {
        (image, attribute, labeller): code
        for image, attribute, labeller, code in session.execute(
            select(Annotation.image_id, Annotation.attribute_id, Labeller.name, Annotation.code)
            .join(Submission, Submission.id == Annotation.submission_id)
            .join(Labeller, Labeller.id == Submission.labeller_id)
            .where(Submission.kind == SubmissionKind.IMPORT, Annotation.origin == AnnotationOrigin.OPINION)
            .order_by(Annotation.id)
        )
    }
    new = []
    for cell in cells:
        key = (cell.image_id, cell.attribute_id, cell.labeller)
        if key in given and given[key] == cell.code:
            report.unchanged += 1
            continue
        if key in given:
            report.replaced += 1
        else:
            report.added += 1
        new.append(cell)
    return new


def cells_of_rows(session: Session, rows: Iterable[Row]) -> dict[tuple[int, int], int | None]:
    """The rows as image and attribute → code, for what is no import of labels."""
    cells = _cells(session, rows, Origin(""), LabelReport())
    return {(cell.image_id, cell.attribute_id): cell.code for cell in cells}


def _cells(session: Session, rows: Iterable[Row], origin: Origin, report: LabelReport) -> list[_NewLabel]:
    """The rows cell by cell. Two names of one image, or two labellers, may disagree: the first row counts then."""
    images = _images_by_name(session)
    if origin.hashes:
        by_hash = dict(session.execute(select(Image.sha256, Image.id)).all())
        images |= {name: by_hash[sha256] for name, sha256 in origin.hashes.items()}
    ids = active_schema(session).ids
    people: dict[tuple[str, str], int] = {}
    cells: dict[tuple[int, int, str], int | None] = {}
    for row in rows:
        base = PurePosixPath(row.image_name).name
        image_id = images.get(row.image_name) or images.get(base) or images.get(png_name(base) or "")
        if image_id is None:
            report.absent += 1
            if len(report.absent_names) < _SHOWN:
                report.absent_names.append(row.image_name)
            continue
        labeller = _labeller_name(origin, row)
        for name, answer in row.answers.items():
            code = answer if isinstance(answer, int) else people.get((name, answer))
            if code is None:
                code = people[name, str(answer)] = code_of_person(session, name, answer)
            given = None if code == CANNOT_TELL else code
            if cells.setdefault((image_id, ids[name], labeller), given) != given:
                report.contradictions.append((row.image_name, name))
    return [
        _NewLabel(image, attribute, code, labeller) for (image, attribute, labeller), code in cells.items()
    ]


def _labeller_name(origin: Origin, row: Row) -> str:
    """Truth is given by "import"; an opinion by a name that no account has."""
    if not origin.opinions:
        return "import"
    return ":".join(filter(None, ("import", origin.name, row.labeller)))[:MAX_NAME]


def _count_values(session: Session, new: list[_NewLabel], report: LabelReport) -> None:
    schema = read_schema(session, people=True)
    active = active_schema(session)
    names = {
        active.ids[attribute.name]: {value.code: value.name for value in attribute.values}
        for attribute in schema.attributes
    }
    for (attribute, code), number in Counter((cell.attribute_id, cell.code) for cell in new).items():
        value = CANNOT_TELL_NAME if code is None else names[attribute][code]
        report.values.setdefault(active.names[attribute], {})[value] = number


def _images_by_name(session: Session) -> dict[str, int]:
    """Images by the names a label file may use: file name alone if it is unique, other names, own names."""
    own = dict(session.execute(select(Image.name, Image.id)).all())
    short: dict[str, int | None] = {}
    for name, number in own.items():
        base = PurePosixPath(name).name
        short[base] = None if base in short else number
    aliases = dict(session.execute(select(ImageAlias.name, ImageAlias.image_id)).all())
    return {name: number for name, number in short.items() if number is not None} | aliases | own


def _write(session: Session, origin: Origin, new: list[_NewLabel]) -> None:
    by_labeller: dict[str, list[_NewLabel]] = {}
    for cell in new:
        by_labeller.setdefault(cell.labeller, []).append(cell)
    for name, cells in by_labeller.items():
        submission_id = add_submission(
            session,
            key=f"import:{secrets.token_hex(16)}",
            kind=SubmissionKind.IMPORT,
            fingerprint=origin.name,
            labeller_id=_labeller_id(session, name),
            image_id=None,
        )
        kept_as = AnnotationOrigin.OPINION if origin.opinions else AnnotationOrigin.IMPORT
        annotations = [NewAnnotation(cell.image_id, cell.attribute_id, cell.code, kept_as) for cell in cells]
        add_annotations(session, submission_id, annotations)
    session.expire_all()


def _labeller_id(session: Session, name: str) -> int:
    labeller = session.scalar(select(Labeller).where(Labeller.name == name))
    if labeller is None:
        labeller = Labeller(name=name)
        session.add(labeller)
        session.flush()
    return labeller.id
